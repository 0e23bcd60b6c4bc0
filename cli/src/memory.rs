//! `memmove` and `memcpy` of the static binary.
//!
//! musl copies with `rep movsq`, which takes a processor longer to begin than to copy what a program copies as a rule: a
//! few dozen bytes. A tenth of a run went there. Here what is short is loaded as a whole and then stored, with loads that
//! overlap instead of loops; so it does not matter whether the two places overlap, and one function does for both names.

use std::arch::naked_asm;

/// Copies `count` bytes, also where the two places overlap (C11, section 7.24.2.2). Returns `to`.
///
/// # Safety
///
/// `from` must be readable and `to` writable for `count` bytes.
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
#[unsafe(naked)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "cmp rdx, 16",
        "jb 10f",
        "cmp rdx, 32",
        "ja 20f",
        // 16 to 32 bytes.
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + rdx - 16]",
        "movups [rdi], xmm0",
        "movups [rdi + rdx - 16], xmm1",
        "ret",
        // Less than 16.
        "10:",
        "cmp edx, 8",
        "jb 11f",
        "mov rcx, [rsi]",
        "mov r8, [rsi + rdx - 8]",
        "mov [rdi], rcx",
        "mov [rdi + rdx - 8], r8",
        "ret",
        "11:",
        "cmp edx, 4",
        "jb 12f",
        "mov ecx, [rsi]",
        "mov r8d, [rsi + rdx - 4]",
        "mov [rdi], ecx",
        "mov [rdi + rdx - 4], r8d",
        "ret",
        "12:",
        "cmp edx, 2",
        "jb 13f",
        "movzx ecx, word ptr [rsi]",
        "movzx r8d, byte ptr [rsi + rdx - 1]",
        "mov [rdi], cx",
        "mov [rdi + rdx - 1], r8b",
        "ret",
        "13:",
        "test edx, edx",
        "jz 14f",
        "movzx ecx, byte ptr [rsi]",
        "mov [rdi], cl",
        "14:",
        "ret",
        // More than 32.
        "20:",
        "cmp rdx, 64",
        "ja 21f",
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + 16]",
        "movups xmm2, [rsi + rdx - 32]",
        "movups xmm3, [rsi + rdx - 16]",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm1",
        "movups [rdi + rdx - 32], xmm2",
        "movups [rdi + rdx - 16], xmm3",
        "ret",
        // More than 64: the last 64 are loaded before anything is stored, and stored last.
        "21:",
        "mov rcx, rdi",
        "sub rcx, rsi",
        "cmp rcx, rdx",
        "jb 30f",
        "cmp rdx, 2048",
        "jae 40f",
        "lea r8, [rdi + rdx - 64]",
        "movups xmm4, [rsi + rdx - 64]",
        "movups xmm5, [rsi + rdx - 48]",
        "movups xmm6, [rsi + rdx - 32]",
        "movups xmm7, [rsi + rdx - 16]",
        "22:",
        "movups xmm0, [rsi]",
        "movups xmm1, [rsi + 16]",
        "movups xmm2, [rsi + 32]",
        "movups xmm3, [rsi + 48]",
        "movups [rdi], xmm0",
        "movups [rdi + 16], xmm1",
        "movups [rdi + 32], xmm2",
        "movups [rdi + 48], xmm3",
        "add rsi, 64",
        "add rdi, 64",
        "cmp rdi, r8",
        "jb 22b",
        "movups [r8], xmm4",
        "movups [r8 + 16], xmm5",
        "movups [r8 + 32], xmm6",
        "movups [r8 + 48], xmm7",
        "ret",
        // `to` lies within what is to be copied: the same from the end.
        "30:",
        "movups xmm4, [rsi]",
        "movups xmm5, [rsi + 16]",
        "movups xmm6, [rsi + 32]",
        "movups xmm7, [rsi + 48]",
        "31:",
        "movups xmm0, [rsi + rdx - 64]",
        "movups xmm1, [rsi + rdx - 48]",
        "movups xmm2, [rsi + rdx - 32]",
        "movups xmm3, [rsi + rdx - 16]",
        "movups [rdi + rdx - 64], xmm0",
        "movups [rdi + rdx - 48], xmm1",
        "movups [rdi + rdx - 32], xmm2",
        "movups [rdi + rdx - 16], xmm3",
        "sub rdx, 64",
        "cmp rdx, 64",
        "ja 31b",
        "movups [rdi], xmm4",
        "movups [rdi + 16], xmm5",
        "movups [rdi + 32], xmm6",
        "movups [rdi + 48], xmm7",
        "ret",
        // Much: the processor itself knows best.
        "40:",
        "mov rcx, rdx",
        "rep movsb",
        "ret",
    )
}

/// Copies `count` bytes (C11, section 7.24.2.1). Returns `to`.
///
/// # Safety
///
/// As for [`memmove`].
#[cfg_attr(target_env = "musl", unsafe(no_mangle))]
#[unsafe(naked)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, count: usize) -> *mut u8 {
    naked_asm!("jmp {}", sym memmove)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_and_overlap_is_copied() {
        let lengths = (0..300).chain([1000, 2047, 2048, 2049, 5000]);
        for length in lengths {
            for distance in [-2000, -300, -65, -64, -63, -17, -1, 0, 1, 7, 16, 33, 64, 65, 129, 2000_isize] {
                let before: Vec<u8> = (0..10_000_u32).map(|at| (at * 31 + at / 256) as u8).collect();
                let (from, to) = (2500, 2500_usize.strict_add_signed(distance));
                let mut expected = before.clone();
                expected.copy_within(from..from + length, to);
                for function in [memmove, memcpy] {
                    let mut bytes = before.clone();
                    let start = bytes.as_mut_ptr();
                    // SAFETY: both places are within the 10,000 bytes.
                    let returned = unsafe { function(start.add(to), start.add(from), length) };
                    assert_eq!(returned, start.wrapping_add(to));
                    assert!(bytes == expected, "{length} bytes, {distance} further on");
                }
            }
        }
    }
}
