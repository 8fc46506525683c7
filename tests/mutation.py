#!/usr/bin/env python3
"""Whether the tests notice small changes of the product: mutation.py WORK [options].

Clones this repository into the folder WORK, builds the tests there, and then changes one operator,
constant or condition at a time, builds and runs the tests that can see that file. A change is killed
where a test fails, crashes or takes ten times as long as the slowest before. What does not compile, or
gives the same object code, is not counted. Survivors are listed with their lines, to be looked at."""
import argparse
import hashlib
import pathlib
import random
import re
import resource
import subprocess
import sys
import time

# Of a change below a folder, by the first line that fits: what is built, and Catch2's names of the tests
# that run.
TESTS = (
    ("tensor/safetensors", "gradus_tensor", "safetensors* checkpoint*"),
    ("tensor/allocator", "gradus_tensor", "allocator*"),
    ("tensor/file", "gradus_tensor", "file* safetensors*"),
    ("tensor/cpu/convolution", "gradus_tensor", "convolution* conv* ops*"),
    ("tensor", "gradus_tensor", "ops* op* tensor* numbers* random* convolution* far* fast* parallel* transpose* scope*"
                                " profiler* shape* philox* allocator* gather* augment*"),
    ("autograd", "gradus_autograd", "ops* op* tape* gradcheck* fusion* saved* conv* composites* outputs* augment*"),
    ("nn/data/png", "gradus_data", "png* picture* image*"),
    ("nn/data/jpeg", "gradus_data", "jpeg* picture*"),
    ("nn/data/mat", "gradus_data", "mat* svhn*"),
    ("nn/data", "gradus_data", "mat* svhn* idx* mnist* png* jpeg* picture* image* batch* download* gather*"),
    ("nn", "gradus_nn", "nn* layers* module* optim* sequential* summary* checkpoint* weight* init* pass* moving* clip*"
                        " adam* sgd* rmsprop* schedule* model*"),
    ("apps/ssgan/import", "ssgan gradus_tests", "import* tf_checkpoint*"),
    ("apps/ssgan/report", "ssgan gradus_tests", "report* tensorboard* run* words*"),
    ("apps/ssgan/data", "ssgan gradus_tests", "digits* data* download* cli* labels* draws*"),
    ("apps/ssgan/golden", "ssgan gradus_tests", "golden* compare* cli*"),
    ("apps/ssgan/model", "ssgan gradus_tests", "model* golden* samples* run*"),
    ("apps/ssgan", "ssgan gradus_tests", "run* words* cli* model* configuration* json*"),
)

SWAPS = {" < ": [" <= "], " <= ": [" < "], " > ": [" >= "], " >= ": [" > "], " == ": [" != "], " != ": [" == "],
         " + ": [" - "], " - ": [" + "], " * ": [" / "], " / ": [" * "], " += ": [" -= "], " -= ": [" += "],
         " && ": [" || "], " || ": [" && "], "true": ["false"], "false": ["true"], "std::max": ["std::min"],
         "std::min": ["std::max"], "++": ["--"]}
PLACES = re.compile("|".join(map(re.escape, sorted(SWAPS, key=len, reverse=True)))
                    + r"|(?<![\w.\"'])\d+(?:\.\d+)?(?![\w.\"'])|if \((?!constexpr)|(?<=[ (])!(?=[\w(])")


def changes_of(line):
    """The changed lines that a line can become, outside of its strings and comments."""
    code = re.sub(r'"(?:\\.|[^"\\])*"', lambda m: "\0" * len(m[0]), line.split("//")[0])
    if re.match(r"\s*(#|//|static_assert|template|using|namespace|\*)", code) or "[[" in code:
        return
    for m in PLACES.finditer(code):
        old = m[0]
        if old in SWAPS:
            new = SWAPS[old]
        elif old == "if (":
            new = ["if (true || ", "if (false && "] if "{" in code or ";" in code else []
        elif old == "!":
            new = [""]
        else:
            new = [str(float(old) * 1.5) if "." in old else str(int(old) + 1)]
        for n in new:
            yield line[:m.start()] + n + line[m.end():]


def run(command, cwd, limit=1800):
    def confine():  # a change may ask for all memory
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))

    try:
        return subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=limit,
                              text=True, errors="replace", preexec_fn=confine)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "too slow")


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=200, help="changes that count")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", default=r"^(tensor|autograd|nn|apps)/.*\.cpp$", help="a regular expression")
    parser.add_argument("--build", default="cmake --build {folder} --target {targets}",
                        help="the command that builds")
    args = parser.parse_args()

    if not (args.work / ".git").exists():
        subprocess.run(["git", "clone", "-q", str(here), str(args.work)], check=True)
        subprocess.run(["cmake", "--preset", "release", "-DGRADUS_CUDA=OFF"], cwd=args.work, check=True,
                       stdout=subprocess.DEVNULL)

    def built(targets):
        return run(args.build.format(folder=args.work / "build", targets=targets).split(), args.work).returncode == 0

    def fingerprint(path):
        objects = sorted((args.work / "build").glob(f"**/*.dir/**/{path.name}.o"))
        return [hashlib.sha256(o.read_bytes()).digest() for o in objects]

    if not built("ssgan gradus_tests"):
        sys.exit("the tests do not build")
    files = [f for f in subprocess.run(["git", "ls-files"], cwd=args.work, capture_output=True, text=True,
                                       check=True).stdout.split() if re.search(args.files, f)]
    places = []
    for f in files:
        for number, line in enumerate((args.work / f).read_text().split("\n")):
            places += [(f, number, changed) for changed in changes_of(line)]
    random.Random(args.seed).shuffle(places)
    print(f"{len(places)} changes of {len(files)} files are possible", flush=True)

    slowest, counted, killed = {}, 0, 0  # seconds without a change, by file
    for f, number, changed in places:
        if counted == args.count:
            break
        path = args.work / f
        targets, specs = next((t, names.split()) for prefix, t, names in TESTS if f.startswith(prefix))
        tests = [str(args.work / "build/bin/gradus_tests"), ",".join(s + "~[slow]" for s in specs), "--abort"]
        if f not in slowest:
            begin = time.monotonic()
            if run(tests, args.work).returncode != 0:
                sys.exit(f"the tests {specs} fail without a change")
            slowest[f] = max(5, time.monotonic() - begin)
        original, before = path.read_text(), fingerprint(path)
        lines = original.split("\n")
        old, lines[number] = lines[number], changed
        try:
            path.write_text("\n".join(lines))
            if not built(targets) or fingerprint(path) == before:
                continue
            counted += 1
            result = run(tests, args.work, 10 * slowest[f])
            killed += result.returncode != 0
            print(f"{'killed  ' if result.returncode else 'SURVIVED'} {f}:{number + 1}\n    {old.strip()}\n"
                  f"    {changed.strip()}", flush=True)
        finally:
            path.write_text(original)
            built(targets)
    print(f"{killed} of {counted} killed", flush=True)


main()
