//! `multipart/form-data` (RFC 7578), written as browsers write it.

use sha2::{Digest, Sha256};

/// One part of a form.
pub(super) struct Part {
    pub(super) field: String,
    /// Name and media type, when the part is a file.
    pub(super) file: Option<(String, String)>,
    pub(super) content: Vec<u8>,
}

/// The body, and its boundary.
pub(super) fn encode(parts: &[Part]) -> (Vec<u8>, String) {
    let boundary = boundary(parts);
    let mut body = Vec::new();
    for part in parts {
        let mut head = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{}\"", escape(&part.field));
        if let Some((name, kind)) = &part.file {
            head.push_str(&format!("; filename=\"{}\"\r\nContent-Type: {kind}", escape(name)));
        }
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(b"\r\n\r\n");
        body.extend_from_slice(&part.content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    (body, boundary)
}

/// A boundary that follows from the content, so that the same form is the same bytes in every run, and that no content
/// can have in it but by knowing its own digest.
fn boundary(parts: &[Part]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.field.as_bytes());
        digest.update(part.content.len().to_le_bytes());
        digest.update(&part.content);
    }
    let hex: String = digest.finalize()[..12].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("foresee-{hex}")
}

/// As the HTML standard has it: what would end the quoted name is percent-encoded.
fn escape(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_stand_between_boundaries() {
        let parts = [
            Part { field: "a\"b".into(), file: None, content: b"1".to_vec() },
            Part { field: "f".into(), file: Some(("x.txt".into(), "text/plain".into())), content: b"2\n".to_vec() },
        ];
        let (body, boundary) = encode(&parts);
        let expected = "--B\r\nContent-Disposition: form-data; name=\"a%22b\"\r\n\r\n1\r\n--B\r\n\
            Content-Disposition: form-data; name=\"f\"; filename=\"x.txt\"\r\nContent-Type: text/plain\r\n\r\n2\n\r\n--B--\r\n";
        assert_eq!(String::from_utf8(body).unwrap(), expected.replace('B', &boundary));
    }
}
