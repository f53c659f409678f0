#!/usr/bin/env python3
"""A read-only loopback file system that hangs, is slow or fails where it is told to.

usage: hangfs.py ROOT MOUNTPOINT CONTROL [SECONDS]

It speaks the kernel's FUSE protocol itself and needs nothing but Python and the right to mount.
While the file CONTROL exists, the words in it say what happens to requests:

    open            requests of this kind are held until the word is gone
    delay:read=0.5  requests of this kind take so many seconds
    err:read=EIO    requests of this kind fail so

Kinds: lookup getattr open read flush release opendir readdir statfs. A request that is held
makes its caller sleep in the kernel where no signal ends it, as a dead disk does.

Prints "ready" once it is mounted. Ends, unmounts and lets go of everything that is held when its
parent dies, on SIGTERM, and after SECONDS (default 60) in any case. Exit status 77: cannot mount.
"""

import ctypes
import errno
import os
import signal
import stat
import struct
import sys
import threading
import time

LOOKUP, FORGET, GETATTR, READLINK, OPEN, READ, STATFS = 1, 2, 3, 5, 14, 15, 17
RELEASE, FLUSH, INIT, OPENDIR, READDIR, RELEASEDIR = 18, 25, 26, 27, 28, 29
INTERRUPT, DESTROY, BATCH_FORGET = 36, 38, 42
SILENT = (FORGET, INTERRUPT, BATCH_FORGET)
NAMES = {
    LOOKUP: "lookup",
    GETATTR: "getattr",
    OPEN: "open",
    READ: "read",
    STATFS: "statfs",
    RELEASE: "release",
    FLUSH: "flush",
    OPENDIR: "opendir",
    READDIR: "readdir",
}
IN_HEADER = struct.Struct("<IIQQIIIHH")
OUT_HEADER = struct.Struct("<IiQ")
ATTR = struct.Struct("<6Q10I")
PROTOCOL = (7, 31)
MS_NOSUID, MS_NODEV, MNT_DETACH = 2, 4, 2
PR_SET_PDEATHSIG = 1
POLL = 0.02

libc = ctypes.CDLL(None, use_errno=True)


class HangFS:
    def __init__(self, root, mountpoint, control):
        self.mountpoint = os.fsencode(mountpoint)
        self.control = control
        self.paths = {1: os.path.abspath(root)}
        self.nodes = {}
        self.lock = threading.Lock()
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0,allow_other"
        flags = MS_NOSUID | MS_NODEV
        if libc.mount(b"hangfs", self.mountpoint, b"fuse.hangfs", flags, options.encode()) != 0:
            raise OSError(ctypes.get_errno(), "mount")

    def unmount(self):
        libc.umount2(self.mountpoint, MNT_DETACH)

    def serve(self):
        """Takes requests until somebody has unmounted the file system."""
        while True:
            try:
                request = os.read(self.device, 1 << 20)
            except OSError as e:
                if e.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                os.kill(os.getpid(), signal.SIGTERM)
                return
            _, opcode, unique, node, _, _, _, _, _ = IN_HEADER.unpack_from(request)
            if opcode in SILENT:
                continue
            args = (opcode, unique, node, request[IN_HEADER.size :])
            threading.Thread(target=self.answer, args=args, daemon=True).start()

    def answer(self, opcode, unique, node, body):
        error, data = 0, b""
        try:
            self.obey(NAMES.get(opcode))
            data = self.handle(opcode, node, body)
        except OSError as e:
            error = -(e.errno or errno.EIO)
        try:
            os.write(self.device, OUT_HEADER.pack(OUT_HEADER.size + len(data), error, unique) + data)
        except OSError:
            pass  # the caller has been interrupted, or all is over

    def obey(self, name):
        """Holds, delays or fails a request as the control file says."""
        while name:
            try:
                with open(self.control, encoding="ascii") as control:
                    words = control.read().split()
            except FileNotFoundError:
                return
            for word in words:
                if word.startswith(f"delay:{name}="):
                    time.sleep(float(word.partition("=")[2]))
                    return
                if word.startswith(f"err:{name}="):
                    raise OSError(getattr(errno, word.partition("=")[2]), name)
            if name not in words:
                return
            time.sleep(POLL)

    def handle(self, opcode, node, body):
        if opcode == INIT:
            numbers = (*PROTOCOL, 65536, 0, 64, 48, 65536, 1, 0, 0, 0)
            return struct.pack("<4I2H2I2HI", *numbers).ljust(64, b"\0")
        if opcode in (FLUSH, DESTROY):
            return b""
        path = self.paths[node]
        if opcode == LOOKUP:
            return self.lookup(os.path.join(path, os.fsdecode(body.rstrip(b"\0"))))
        if opcode == GETATTR:
            return struct.pack("<QII", 0, 0, 0) + attributes(os.lstat(path))
        if opcode == READLINK:
            return os.fsencode(os.readlink(path))
        if opcode == OPEN:
            return struct.pack("<QII", os.open(path, os.O_RDONLY), 0, 0)
        if opcode == READ:
            handle, offset, size = struct.unpack_from("<QQI", body)
            return os.pread(handle, size, offset)
        if opcode == RELEASE:
            os.close(struct.unpack_from("<Q", body)[0])
            return b""
        if opcode in (OPENDIR, RELEASEDIR):
            return struct.pack("<QII", 0, 0, 0) if opcode == OPENDIR else b""
        if opcode == READDIR:
            return entries(path, *struct.unpack_from("<QI", body, 8))
        if opcode == STATFS:
            v = os.statvfs(path)
            numbers = (v.f_blocks, v.f_bfree, v.f_bavail, v.f_files, v.f_ffree)
            return struct.pack("<5Q3I", *numbers, v.f_bsize, 255, v.f_frsize).ljust(80, b"\0")
        raise OSError(errno.ENOSYS, "not implemented")

    def lookup(self, path):
        st = os.lstat(path)
        with self.lock:
            node = self.nodes.setdefault(path, len(self.nodes) + 2)
            self.paths[node] = path
        # Nothing may be remembered: each look at the file is a request.
        return struct.pack("<4Q2I", node, 0, 0, 0, 0, 0) + attributes(st)


def attributes(st):
    times = [divmod(t, 10**9) for t in (st.st_atime_ns, st.st_mtime_ns, st.st_ctime_ns)]
    seconds, rest = zip(*times)
    numbers = (st.st_mode, st.st_nlink, st.st_uid, st.st_gid, 0, st.st_blksize, 0)
    return ATTR.pack(st.st_ino, st.st_size, st.st_blocks, *seconds, *rest, *numbers)


def entries(path, offset, size):
    data = b""
    for index, name in enumerate([".", "..", *sorted(os.listdir(path))][offset:], offset + 1):
        name = os.fsencode(name)
        record = struct.pack("<QQII", 1, index, len(name), stat.S_IFREG >> 12) + name
        record += b"\0" * (-len(record) % 8)
        if len(data) + len(record) > size:
            break
        data += record
    return data


def main():
    root, mountpoint, control = sys.argv[1:4]
    life = float(sys.argv[4]) if len(sys.argv) > 4 else 60
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    try:
        fs = HangFS(root, mountpoint, control)
    except OSError as e:
        print(f"hangfs: {e}", file=sys.stderr)
        sys.exit(77)

    # Waited for rather than handled: no other thread may get the signal.
    ends = {signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    threading.Thread(target=fs.serve, daemon=True).start()
    print("ready", flush=True)
    signal.sigtimedwait(ends, life)
    fs.unmount()
    # With the device closed, the kernel lets go of every request.
    os._exit(0)


main()
