#!/usr/bin/env python3
"""Writes the inputs that fuzzing starts from: make_corpus.py SSGAN [FOLDER].

SSGAN is the built program; FOLDER is corpus/ beside this file unless given. Inputs of several files
are joined as fuzz.h takes them apart. Checksums by CRC-32C are 0, as fuzz.cpp has them."""
import gzip
import json
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import zlib

here = pathlib.Path(__file__).resolve().parent
repository = here.parent.parent
ssgan = str(pathlib.Path(sys.argv[1]).resolve())
corpus = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else here / "corpus"
rnd = random.Random(1)
noise = bytes(rnd.randrange(256) for _ in range(3072))


def put(harness, name, data):
    (corpus / harness).mkdir(parents=True, exist_ok=True)
    (corpus / harness / name).write_bytes(data)


def joined(*parts):
    return b"".join(struct.pack("<I", len(p)) + p for p in parts[:-1]) + parts[-1]


# --- MATLAB


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)


def small_element(kind, data):
    return struct.pack("<I", len(data) << 16 | kind) + data.ljust(4, b"\0")


def array(name, dims, kind, stored, data, flags=0):
    name = small_element(1, name) if len(name) <= 4 else element(1, name)
    values = small_element(stored, data) if 0 < len(data) <= 4 else element(stored, data)
    head = element(6, struct.pack("<II", kind | flags, 0))
    return element(14, head + element(5, struct.pack(f"<{len(dims)}i", *dims)) + name + values)


def packed(data):
    z = zlib.compress(data)
    return struct.pack("<II", 15, len(z)) + z


HEAD = b"MATLAB 5.0 MAT-file".ljust(116) + b"\0" * 8 + b"\0\1IM"
x, y = array(b"X", (32, 32, 3, 1), 9, 2, bytes(3072)), array(b"y", (1, 1), 6, 2, b"\x0a")
for harness in ("mat", "svhn"):
    put(harness, "plain", HEAD + array(b"X", (32, 32, 3, 1), 9, 2, noise) + y)
    put(harness, "packed", HEAD + packed(x) + packed(y))
for kind, stored, code in ((6, 9, "d"), (7, 7, "f"), (8, 1, "b"), (10, 3, "h"), (11, 4, "H"),
                           (12, 5, "i"), (13, 6, "I"), (14, 12, "q"), (15, 13, "Q")):
    a = array(b"longname", (2, 3), kind, stored, struct.pack(f"<6{code}", *range(6)))
    put("mat", f"class{kind}", HEAD + a + packed(a))
    labels = array(b"y", (2, 1), kind, stored, struct.pack(f"<2{code}", 1, 10))
    put("svhn", f"labels{kind}", HEAD + packed(array(b"X", (32, 32, 3, 2), 9, 2, bytes(6144))) + labels)
put("mat", "cell", HEAD + array(b"c", (1, 1), 1, 14, b"") + array(b"z", (0, 3), 6, 9, b"")
    + array(b"", (1, 1), 9, 2, b"\1", 0x800))
put("mat", "text", HEAD + array(b"t", (1, 3), 4, 4, b"a\0b\0c\0") + y)
put("mat", "big_endian", HEAD[:124] + b"\1\0MI" + struct.pack(">II", 14, 56) + struct.pack(">IIII", 6, 8, 6, 0)
    + struct.pack(">IIii", 5, 8, 1, 1) + struct.pack(">HHI", 1, 1, 0x79000000) + struct.pack(">IId", 9, 8, 3))

# --- MNIST


def idx(dims, data):
    return struct.pack(">I", 0x800 | len(dims)) + struct.pack(f">{len(dims)}I", *dims) + data


images, labels = idx((2, 28, 28), noise[:1568]), idx((2,), b"\3\7")
zeros = idx((50, 28, 28), bytes(39200)), idx((50,), bytes(50))
put("idx", "plain", joined(images, labels))
put("idx", "packed", joined(*(gzip.compress(a, mtime=0) for a in zeros)))
put("idx", "mixed", joined(gzip.compress(zeros[0], mtime=0), zeros[1]))

# --- PNG and JPEG


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, extra=b"", interlace=0):
    row = (width * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] * depth + 7) // 8
    rows = b"".join(bytes([rnd.randrange(5)]) + rnd.randbytes(row) for _ in range(height))
    if interlace:
        rows = bytes(4 * len(rows) + 64)
    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))
            + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


palette = chunk(b"PLTE", bytes(range(48)))
for colour, depths in ((0, (1, 2, 4, 8, 16)), (2, (8, 16)), (3, (1, 2, 4)), (4, (8, 16)), (6, (8, 16))):
    for depth in depths:
        put("png", f"colour{colour}depth{depth}", png(5, 4, depth, colour, palette if colour == 3 else b""))
put("png", "interlaced", png(33, 40, 8, 2, interlace=1))
put("png", "transparent", png(7, 3, 4, 3, palette + chunk(b"tRNS", bytes(range(16)))))
put("png", "gamma", png(7, 3, 8, 6, chunk(b"gAMA", struct.pack(">I", 45455)) + chunk(b"tEXt", b"a\0b")
                        + chunk(b"sRGB", b"\0")))
put("png", "profile", png(4, 4, 8, 2, chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(200)))))


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg(sampling, frame=0xC0, extra=b""):
    """16 x 16 pixels of one value: each code is one bit, 0, for "no difference" or "end of block"."""
    ids = range(1, len(sampling) + 1)
    code = bytes([1] + [0] * 15 + [0])
    blocks = sum(h * v for h, v in sampling) if len(sampling) > 1 else 4
    mcus = 4 // max(h * v for h, v in sampling) if len(sampling) > 1 else 1
    every = b"".join(bytes([i, 0]) for i in ids)
    if frame == 0xC2:  # progressive: a scan of all first coefficients, then one of the others of each
        scans = segment(0xDA, bytes([len(ids)]) + every + b"\0\0\0") + b"\0" * ((blocks * mcus + 7) // 8)
        for i in ids:
            scans += segment(0xDA, bytes([1, i, 0, 1, 63, 0])) + b"\0"
    else:
        scans = segment(0xDA, bytes([len(ids)]) + every + b"\0\x3f\0") + b"\0" * ((2 * blocks * mcus + 7) // 8)
    return (b"\xff\xd8" + extra + segment(0xDB, b"\0" + bytes([1]) * 64)
            + segment(frame, struct.pack(">BHHB", 8, 16, 16, len(ids))
                      + b"".join(bytes([i, h << 4 | v, 0]) for i, (h, v) in zip(ids, sampling)))
            + segment(0xC4, b"\0" + code) + segment(0xC4, b"\x10" + code) + scans + b"\xff\xd9")


jfif, adobe = segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"), segment(0xEE, b"Adobe\0\x64\0\0\0\0")
put("jpeg", "grey", jpeg([(1, 1)], extra=jfif))
put("jpeg", "colour", jpeg([(1, 1)] * 3, extra=jfif))
put("jpeg", "halved", jpeg([(2, 2), (1, 1), (1, 1)], extra=jfif + segment(0xE1, b"Exif\0\0" + noise[:30])))
put("jpeg", "progressive", jpeg([(2, 1), (1, 1), (1, 1)], frame=0xC2))
put("jpeg", "extended", jpeg([(1, 2), (1, 1), (1, 1)], frame=0xC1))
put("jpeg", "inks", jpeg([(1, 1)] * 4, extra=adobe))

# --- safetensors


def safetensors(tensors, metadata=None):
    head, data = {}, b""
    if metadata is not None:
        head["__metadata__"] = metadata
    for name, (dtype, shape, raw) in tensors.items():
        head[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def load(path):
    file = pathlib.Path(path).read_bytes()
    begin = 8 + struct.unpack("<Q", file[:8])[0]
    head = json.loads(file[8:begin])
    metadata = head.pop("__metadata__", None)
    return {k: (v["dtype"], v["shape"], file[begin + v["data_offsets"][0]:begin + v["data_offsets"][1]])
            for k, v in head.items()}, metadata


put("safetensors", "four", safetensors({
    "x": ("F32", (2, 2), bytes(16)), "y": ("I32", (), bytes(4)), "z": ("U8", (0, 5), b""),
    "w": ("F64", (1,), bytes(8))}, {"k": "v"}))
put("safetensors", "empty", safetensors({}))
put("safetensors", "rank6", safetensors({"x": ("U8", (1, 2, 1, 2, 1, 1), b"abcd")}, {}))
for dtype, width in (("F16", 2), ("BF16", 2), ("BOOL", 1), ("I8", 1), ("I16", 2), ("U16", 2), ("U32", 4),
                     ("I64", 8), ("U64", 8), ("F8_E4M3", 1)):
    put("safetensors", dtype.lower(), safetensors({"a": (dtype, (3,), bytes(3 * width))}))
model = {"model.0.weight": ("F32", (3, 2), bytes(24)), "model.0.bias": ("F32", (3,), bytes(12)),
         "model.2.weight": ("F32", (1, 3), bytes(12)), "model.2.bias": ("F32", (1,), bytes(4))}
with_moments = model | {"optimizer." + m + k[5:]: v for k, v in model.items() for m in ("m", "v")}
with_moments["optimizer.t"] = ("I32", (), bytes(4))
for name, tensors in (("weights", model), ("moments", with_moments)):
    put("model", name, safetensors(tensors, {"format": "gradus checkpoint 1", "step": "3", "crc32c": "00000000"}))

# --- TensorFlow's checkpoints


def varint_at(b, i):
    value = shift = 0
    while True:
        value |= (b[i] & 127) << shift
        shift += 7
        i += 1
        if b[i - 1] < 128:
            return value, i


def varint(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def without_checksum(entry):  # field 6, of 4 bytes
    out, i = b"", 0
    while i < len(entry):
        start = i
        key, i = varint_at(entry, i)
        if key & 7 == 0:
            _, i = varint_at(entry, i)
        elif key & 7 in (1, 5):
            i += {1: 8, 5: 4}[key & 7]
        else:
            n, i = varint_at(entry, i)
            i += n
        out += entry[start:i - 4] + bytes(4) if key == 6 << 3 | 5 else entry[start:i]
    return out


def index_without_checksums(index):
    index = bytearray(index)
    footer, i, handles = index[-48:], 0, []
    for _ in range(2):
        at, i = varint_at(footer, i)
        size, i = varint_at(footer, i)
        handles.append((at, size))

    def entries(at, size):
        block = index[at:at + size]
        end, i = size - 4 - 4 * struct.unpack("<I", block[-4:])[0], 0
        while i < end:
            _, i = varint_at(block, i)
            own, i = varint_at(block, i)
            length, i = varint_at(block, i)
            i += own
            yield at + i, length
            i += length

    blocks = []
    for at, _ in entries(*handles[1]):
        begin, i = varint_at(index, at)
        blocks.append((begin, varint_at(index, i)[0]))
    for block in blocks:
        for at, size in list(entries(*block)):
            index[at:at + size] = without_checksum(bytes(index[at:at + size]))
    for at, size in handles + blocks:
        index[at + size + 1:at + size + 5] = bytes(4)
    return bytes(index)


fixture = repository / "tests/fixtures/import/weights"
put("import", "tensorflow", b"\1" + joined(index_without_checksums(fixture.with_suffix(".index").read_bytes()),
                                           fixture.with_suffix(".data-00000-of-00001").read_bytes()))


def table(items):
    block = b"".join(b"\0" + varint(len(k)) + varint(len(v)) + k + v for k, v in items)
    out, empty = b"", struct.pack("<II", 0, 1)

    def add(block):
        nonlocal out
        handle = varint(len(out)) + varint(len(block))
        out += block + bytes(5)
        return handle

    data, meta = add(block + empty), add(empty)
    index = add(b"\0\1" + varint(len(data)) + b"z" + data + empty)
    return out + (meta + index).ljust(40, b"\0") + struct.pack("<Q", 0xDB4775248B80FB57)


def tf_entry(dtype, dims, offset, size):
    dims = [b"\x08" + varint(n) for n in dims]
    shape = b"".join(b"\x12" + varint(len(d)) + d for d in dims)
    return (b"\x08" + varint(dtype) + b"\x12" + varint(len(shape)) + shape + b"\x20" + varint(offset) + b"\x28"
            + varint(size) + b"\x35" + bytes(4))


put("tf_checkpoint", "small", joined(table([
    (b"", b"\x08\x01\x1a\x02\x08\x01"), (b"a", tf_entry(1, (2, 2), 0, 16)), (b"b", tf_entry(3, (), 16, 4)),
    (b"c", tf_entry(4, (0, 3), 20, 0))]), bytes(20)))

# --- TensorBoard's files


def record(step):
    event = b"\x09" + struct.pack("<d", 1.5) + b"\x10" + varint(step) + b"\x2a\x09\x0a\x07\x0a\x01a\x15\0\0\x80\x3f"
    return struct.pack("<QI", len(event), 0) + event + bytes(4)


board = b"".join(map(record, (1, 2, 7, 8, 300)))
put("tensorboard", "five", board)
put("tensorboard", "cut", board[:-9])

# --- runs of the smallest networks

SMALL = ["--device", "cpu", "--data", "digits", "--g-size-mult", "1", "--d-size-mult", "1", "--batch-size", "4",
         "--threads", "1", "--epochs", "2", "--limit-batches", "3"]
RUNS = {"default": [], "tutorial": ["--preset", "tutorial", "--extra-class", "1"],
        "plain": ["--preset", "tutorial"], "supervised": ["--no-unlabeled"]}


def constant(tensors):
    """Weights that pack well in a repository; how large they are does not matter to a reader."""
    return {k: (dtype, shape, bytes(len(raw))) for k, (dtype, shape, raw) in tensors.items()}


for name, flags in RUNS.items():
    with tempfile.TemporaryDirectory() as tmp:
        run = pathlib.Path(tmp) / name
        subprocess.run([ssgan, "train", *SMALL, *flags, "--out", str(run)], check=True,
                       stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        tensors, metadata = load(run / "checkpoints/step_00000006.safetensors")
        weights = {k: v for k, v in tensors.items() if not k.startswith("adam.")}
        if name == "plain":
            for n, k in ((2, 1), (3, 2)):
                batch = {"label_mask": ("I32", (k, n), struct.pack("<i", 1) * n * k),
                         "z": ("F32", (k, n, 100), bytes(400 * n * k)),
                         "lr": ("F64", (k,), struct.pack("<d", 1e-3) * k),
                         "x": ("U8", (k, n, 32, 32, 3), bytes(3072 * n * k)),
                         "y": ("I32", (k, n), struct.pack("<i", 10) * n * k)}
                put("steps", f"{n}images{k}steps", joined(
                    safetensors(batch), safetensors({k: v for k, v in weights.items() if ".running_" not in k})))
            torch = {k: (dtype, [shape[i] for i in ((0, 3, 1, 2) if len(shape) == 4 else range(len(shape)))], raw)
                     for k, (dtype, shape, raw) in constant(weights).items()}
            put("import", "pytorch", b"\2" + safetensors(torch, {}))
            continue
        metadata["crc32c"] = "00000000"
        put("checkpoint", name + "_empty", safetensors({}, metadata))
        if name != "supervised":
            put("checkpoint", name, safetensors(constant(tensors), metadata))
        config = (run / "config.json").read_bytes()
        put("config", name, config.replace(b"per-class:100", b"per-class:9").replace(b"first:1000", b"first:50"))
        if name != "supervised":
            sample = (run / "samples/epoch_000.png").read_bytes()[:200]
            put("run_folder", name, joined(*((run / f).read_bytes() for f in (
                "metrics.jsonl", "epochs.csv", "summary.json", "config.json")), sample))
put("run_folder", "tags", joined(
    b'{"step":1,"epoch":0,"lr":1e-3,"d":2,"g":3}\n',
    b"epoch,step,lr,d_real,d_fake,d_class,d,g,train_accuracy,test_accuracy,seconds\n0,1,1e-3,,,,,,0.5,0.5,3\n",
    b'{"protocol":"<script>alert(1)</script>","test_accuracy":0.5}',
    b'{"data":"<img src=x onerror=alert(1)>","a":{"<script>":{"b":[1]}}}', b""))

# --- comparisons

results = {"loss.d": ("F64", (2,), bytes(16)), "grad.generator.a": ("F32", (2, 2), bytes(16)),
           "updated.discriminator.b": ("F32", (3,), bytes(12)), "act.x": ("F32", (4, 2), bytes(32)),
           "correct": ("F64", (), bytes(8))}
put("compare", "five", joined(safetensors(results), safetensors(results), b'{"zero_gradient":["generator.a"]}'))
