"""What compare.py and throughput.py write: numbers with their spread, the machine, tables."""
import datetime
import os
import platform
import re
import shlex
import statistics
import subprocess
import sys


def quartiles(values):
    return statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1 else values * 3


def with_spread(values, digits=None):
    """Median [p25 p75], with as many digits as the size deserves."""
    p25, median, p75 = quartiles(values)
    if digits is None:
        digits = 1 if median >= 10 else 2 if median >= 1 else 3
    return f"{median:.{digits}f} [{p25:.{digits}f} {p75:.{digits}f}]"


def table(header, rows):
    """A Markdown table whose columns line up as plain text too."""
    widths = [max(len(str(row[i])) for row in (header, *rows)) for i in range(len(header))]
    line = lambda row: "| " + " | ".join(str(cell).ljust(w) for cell, w in zip(row, widths)) + " |"
    return "\n".join([line(header), "|" + "|".join("-" * (w + 2) for w in widths) + "|",
                      *map(line, rows)])


def output_of(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def machine(device):
    """The date, processor and system, and the GPU where it counts."""
    model = re.search(r"Model name:\s*(.*)", output_of("lscpu"))
    system = re.search(r'PRETTY_NAME="(.*)"', output_of("cat", "/etc/os-release"))
    parts = [datetime.date.today().isoformat(),
             f"{len(os.sched_getaffinity(0))} cores of {model[1] if model else platform.machine()}",
             system[1] if system else platform.system()]
    if device != "cpu":
        gpu = output_of("nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader")
        parts.append(gpu.strip().replace("\n", "; ") or "no nvidia-smi")
    return ", ".join(parts)


def busy():
    """A warning where others use this machine now, else nothing. Call it before measuring."""
    load = os.getloadavg()[0]
    if load < 0.5:
        return ""
    return (f"**The machine was busy** (load average {load:.1f} before the start): these figures "
            "mean little.")


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def command_line():
    return "    " + shlex.join(["python3", *sys.argv])


def publish(text, markdown):
    """To stdout, and to the file that --markdown named."""
    print(text, flush=True)
    if markdown:
        with open(markdown, "a") as file:
            file.write(text + "\n")
