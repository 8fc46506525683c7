#!/usr/bin/env python3
"""Whether the tests notice small changes of the product: mutation.py WORK [options].

Clones this repository into the folder WORK, builds the tests there, and then changes one operator, constant
or condition at a time and builds what it is in. First those tests run that are about the file, then all
others (without those that are marked slow, and the injected faults). A change is killed where a test fails,
crashes or takes ten times its processor time, or ten minutes of it. What does not compile, or gives the same object code,
is not counted. Survivors are listed with their lines, to be looked at."""
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
# that run first.
TESTS = (
    ("tensor/safetensors", "gradus_tensor", "safetensors* checkpoint*"),
    ("tensor/allocator", "gradus_tensor", "allocator*"),
    ("tensor/file", "gradus_tensor", "file* safetensors*"),
    ("tensor/cpu/convolution", "gradus_tensor", "convolution* conv* ops* op*"),
    ("tensor", "gradus_tensor", "ops* op* tensor* numbers* random* far* fast* parallel* transpose* kernel* augment*"),
    ("autograd", "gradus_autograd", "ops* op* tape* gradcheck* fusion* saved* conv* composites* outputs* augment*"),
    ("nn/data", "gradus_data", "mat* svhn* idx* mnist* png* jpeg* picture* image* batch* gather* hostile*"),
    ("nn", "gradus_nn", "nn* layer* module* optim* adam* sgd* rmsprop* sequential* checkpoint* weight* init* pass*"
                        " moving* clip* schedule* model*"),
    ("apps/ssgan/import", "ssgan gradus_tests", "import* tf_checkpoint*"),
    ("apps/ssgan/export", "ssgan gradus_tests", "export*"),
    ("apps/ssgan/study", "ssgan gradus_tests", "study*"),
    ("apps/ssgan/data", "ssgan gradus_tests", "digits* data* download* cli* labels* draws* class*"),
    ("apps/ssgan/golden", "ssgan gradus_tests", "golden* compare* cli*"),
    ("apps/ssgan/model", "ssgan gradus_tests", "model* objective* golden* samples* scores*"),
    ("apps/ssgan", "ssgan gradus_tests", "run:* run?folder* runs* words* cli* eval* predict*"),
)
OTHERS = "~[slow]~run?faults*~memory?faults*"
SWAPS = {" < ": [" <= "], " <= ": [" < "], " > ": [" >= "], " >= ": [" > "], " == ": [" != "], " != ": [" == "],
         " + ": [" - "], " - ": [" + "], " * ": [" / "], " / ": [" * "], " += ": [" -= "], " -= ": [" += "],
         " && ": [" || "], " || ": [" && "], "true": ["false"], "false": ["true"], "std::max": ["std::min"],
         "std::min": ["std::max"], "++": ["--"]}
PLACES = re.compile("|".join(map(re.escape, sorted(SWAPS, key=len, reverse=True)))
                    + r"|(?<![\w.\"'])\d+(?:\.\d+)?(?![\w.\"'])|if \((?!constexpr)|(?<=[ (])!(?=[\w(])")


def changes_of(line):
    """The changed lines that a line can become, outside of its strings and comments."""
    code = re.sub(r'"(?:\\.|[^"\\])*"', lambda m: "\0" * len(m[0]), line.split("//")[0])
    if re.match(r"\s*(#|//|static_assert|template|using|namespace|\*)", code) or "[[" in code or re.search(r"\b(say|print|log)\(", code):
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


def run(command, cwd, seconds=1800):
    """With so much processor time a process, and ten times as long at most."""
    def confine():  # a change may ask for all memory
        resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))

    try:
        return subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=10 * seconds, text=True, errors="replace", preexec_fn=confine).returncode
    except subprocess.TimeoutExpired:
        return 124


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=200, help="changes that count")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--files", default=r"^(tensor|autograd|nn|apps)/(?!.*(report/|print|progress|page|text)).*\.cpp$",
                        help="a regular expression; by default all but what prints")
    parser.add_argument("--minutes", type=float, default=1e9, help="the last change begins before")
    parser.add_argument("--build", default="cmake --build {folder} --target {targets}",
                        help="the command that builds")
    args = parser.parse_args()

    if not (args.work / ".git").exists():
        subprocess.run(["git", "clone", "-q", str(here), str(args.work)], check=True)
        subprocess.run(["cmake", "--preset", "release", "-DGRADUS_CUDA=OFF"], cwd=args.work, check=True,
                       stdout=subprocess.DEVNULL)

    def built(targets):
        return run(args.build.format(folder=args.work / "build", targets=targets).split(), args.work) == 0

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

    begin, counted, killed, used = time.monotonic(), 0, 0, {OTHERS: 600}

    def passes(specs):
        command = [str(args.work / "build/bin/gradus_tests"), specs, "--abort"]
        if specs not in used:  # of the program as it is
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            if run(command, args.work) != 0:
                sys.exit(f"the tests {specs} fail without a change")
            used[specs] = 10 + 10 * int(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)
            return True
        return run(command, args.work, used[specs]) == 0

    def specs_of(f):
        targets, names = next(line[1:] for line in TESTS if f.startswith(line[0]))
        return targets, (",".join(name + "~[slow]" for name in names.split()), OTHERS)

    for specs in {specs_of(f)[1][0] for f in files}:
        passes(specs)
    for f, number, changed in places:
        if counted == args.count or time.monotonic() - begin > 60 * args.minutes:
            break
        path = args.work / f
        targets, specs = specs_of(f)
        original, before = path.read_text(), fingerprint(path)
        lines = original.split("\n")
        old, lines[number] = lines[number], changed
        try:
            path.write_text("\n".join(lines))
            if not built(targets) or fingerprint(path) == before:
                continue
            survives = all(passes(s) for s in specs)
            counted += 1
            killed += not survives
            print(f"{'SURVIVED' if survives else 'killed  '} {f}:{number + 1}\n    {old.strip()}\n"
                  f"    {changed.strip()}", flush=True)
        finally:
            path.write_text(original)
            built(targets)
    print(f"{killed} of {counted} killed", flush=True)


main()
