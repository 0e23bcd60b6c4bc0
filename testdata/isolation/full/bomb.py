"""A fork bomb, but one that goes out: should nothing stop it, the machine under test survives."""
import mmap, os, struct, time

count = mmap.mmap(-1, 8)
while True:
    started, = struct.unpack("q", count[:])
    if started > 2000:
        time.sleep(20)
        break
    try:
        count[:] = struct.pack("q", started + 1)
        os.fork()
    except OSError:
        time.sleep(1)
