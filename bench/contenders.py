"""The programs that compare.py and throughput.py time, each answering `round` with one JSON object.

What a round tells: step_ms_median, step_ms_p25, step_ms_p75, images_per_second, peak_memory_mb; a
peer also how many processors it used. A peer's memory is the device's on a card, ours the host's.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[1]


class Absent(Exception):
    """A contender that cannot run here, with the reason."""


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason given"


class Ours:
    """`ssgan bench`, started anew for each round; it warms up by itself."""

    def __init__(self, program, setting, extra=()):
        self.command = [str(program), "bench", "--preset", "tutorial", "--json",
                        "--device", setting.device, "--threads", str(setting.threads),
                        "--precision", setting.precision, "--batch-size", str(setting.batch_size),
                        "--g-size-mult", str(32 * setting.size_mult),
                        "--d-size-mult", str(64 * setting.size_mult),
                        "--steps", str(setting.steps), *extra]
        version = self.run([str(program), "--version"]).splitlines()
        if setting.device == "cpu":
            version = version[:2]  # without what it says of CUDA
        self.version = ", ".join(line.strip() for line in version)

    @staticmethod
    def run(command):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            raise Absent(f"{command[0]}: {error.strerror}") from None
        if done.returncode != 0:
            raise Absent(last_line(done.stderr))
        return done.stdout

    def round(self):
        return json.loads(self.run(self.command))

    def close(self):
        pass


class Peer:
    """A program of bench/peers as a long-lived worker, which is idle between its rounds."""

    def __init__(self, python, script, setting, extra=()):
        self.log = tempfile.TemporaryFile(mode="w+")
        command = [str(python), str(ROOT / "bench" / "peers" / script), "--worker",
                   "--device", setting.device, "--threads", str(setting.threads),
                   "--batch-size", str(setting.batch_size), "--size-mult", str(setting.size_mult),
                   "--steps", str(setting.steps), *extra]
        if setting.precision != "fp32":
            command += ["--precision", setting.precision]
        try:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=self.log, text=True)
        except OSError as error:
            raise Absent(f"{python}: {error.strerror}") from None
        ready = self.answer()
        if "skipped" in ready:
            self.close()
            raise Absent(ready["skipped"])
        self.version = ready["version"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.close()
            self.log.seek(0)
            raise Absent(f"{last_line(self.log.read())} (exit status {self.process.returncode})")
        return json.loads(line)

    def round(self):
        try:
            print("go", file=self.process.stdin, flush=True)
        except BrokenPipeError:
            pass  # answer() says why
        return self.answer()

    def close(self):
        try:
            self.process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


CPU = ("ssgan", "torch:as_written", "torch:shared", "torch:channels_last", "torch:compile",
       "tensorflow", "jax")
CUDA = ("ssgan", "ssgan:no-graph", "torch:as_written", "torch:channels_last", "torch:compile",
        "torch:cuda_graphs", "torch:cuda_graphs:channels-last", "torch:compile_graphs", "jax")


def start(name, setting, program, peers):
    """Starts one of the above; each word after a colon is a mode or a flag. `peers`: the folder
    that setup_peers.sh made, or None for this Python."""
    kind, *words = name.split(":")
    if kind == "ssgan":
        return Ours(program, setting, [f"--{word}" for word in words])
    if kind not in ("torch", "tensorflow", "jax"):
        raise Absent("no such program; see --help")
    extra = ["--mode", words[0], *(f"--{word}" for word in words[1:])] if words else []
    python = peers / kind / "bin" / "python" if peers else pathlib.Path(sys.executable)
    return Peer(python, f"{kind}_step.py", setting, extra)
