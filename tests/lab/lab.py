#!/usr/bin/python3
"""The fault lab: makes labelled captures of RDP connections that went well or wrong.

    lab.py                   everything into a folder of its own (target/lab, or --into), from the
                             packages to the table; the fixtures stay as they are
    lab.py list              the scenarios
    lab.py run NAME...       make these cases (--all for every one); --replace to overwrite
    lab.py relabel NAME...   write truth.toml anew from the captures and logs of a case
    lab.py damage            make the damaged captures out of the cases that exist
    lab.py index             write the table of fixtures/README.md
"""

import argparse
import contextlib
import fcntl
import fnmatch
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))

import damage  # noqa: E402
import index  # noqa: E402
import namespaces  # noqa: E402
import peers  # noqa: E402
import run as runs  # noqa: E402
import scenarios  # noqa: E402
import steps  # noqa: E402
import truth  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE.parents[1] / "fixtures" / "cases"
ALL = HERE.parents[1] / "target" / "lab"
LOCK = pathlib.Path("/run/lock/rdpwhy-lab")     # the namespaces have fixed names
LIMIT = 200_000     # bytes of one capture; tests/cases.rs holds the fixtures to it, too
TRIES = 3           # timing on a busy machine can spoil a run; truth.py notices


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--into", type=pathlib.Path, default=ALL,
                        help="without a command: where everything is made anew")
    commands = parser.add_subparsers(dest="command")
    commands.add_parser("list")
    commands.add_parser("index")
    spoil = commands.add_parser("damage")
    spoil.add_argument("--replace", action="store_true", help="overwrite cases that exist")
    make = commands.add_parser("run")
    make.add_argument("names", nargs="*", help="names, or patterns such as 'healthy-*'")
    make.add_argument("--all", action="store_true")
    make.add_argument("--replace", action="store_true", help="overwrite cases that exist")
    make.add_argument("--keep", action="store_true", help="keep the working folder and say where")
    make.add_argument("--into", type=pathlib.Path, default=CASES,
                      help="the folder of the cases (fixtures/cases)")
    again = commands.add_parser("relabel")
    again.add_argument("names", nargs="*")
    again.add_argument("--all", action="store_true")
    options = parser.parse_args()
    if options.command is None:
        return everything(options.into)
    if options.command == "relabel":
        return relabel(options)
    if options.command == "list":
        for made in scenarios.every().values():
            print(f"{made.kind:8} {made.name:40} {made.title}")
        return 0
    if options.command == "index":
        index.write(CASES)
        return 0
    if options.command == "damage":
        for name in damage.make(CASES, options.replace):
            steps.write(CASES / name)
            print(f"  {name}")
        return 0
    return make_cases(options)


def relabel(options):
    """For when the statement of a scenario has changed and its packets have not."""
    failed = 0
    for made in _chosen(options):
        folder = CASES / made.name
        if not folder.exists():
            continue
        try:
            truth.write(folder, made, runs.Record(folder))
            steps.write(folder)
        except truth.Disagreement as problem:
            failed += 1
            print(f"  {made.name}: {problem}")
    return 1 if failed else 0


def everything(into):
    """All scenarios and all damages, whatever fixtures exist."""
    rows = _make_all(scenarios.every().values(), into, replace=True, keep=False)
    spoilt = set()
    try:
        for name in damage.make(into, replace=True):
            steps.write(into / name)
            spoilt.add(name)
        reason = ""
    except OSError as problem:
        reason = str(problem)
    for spoil in damage.DAMAGES:
        name = f"damage-{spoil.name}"
        made = f"made of {spoil.source}" if name in spoilt else f"FAILED: {reason}"
        rows.append((name, "-", made))
    return _tell(rows)


def make_cases(options):
    return _tell(_make_all(_chosen(options), options.into, options.replace, options.keep))


def _make_all(chosen, into, replace, keep):
    subprocess.run([str(HERE / "setup.sh")], check=True)
    rows = []
    try:
        for made in chosen:
            target = into / made.name
            if target.exists() and not replace:
                rows.append((made.name, "-", "exists; --replace to make it anew"))
                continue
            with _alone():
                rows.append(_make(made, target, keep))
            print(f"  {rows[-1][0]:40} {rows[-1][2]}", flush=True)
    finally:
        peers.close_screens()
        with _alone():
            namespaces.destroy()
    return rows


@contextlib.contextmanager
def _alone():
    """One run at a time, of however many labs."""
    with open(LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    time.sleep(0.05)    # another lab that waits gets its turn


def _tell(rows):
    width = max((len(row[0]) for row in rows), default=0)
    print(f"\n{'scenario':{width}}  {'wanted':14} got")
    for name, wanted, got in rows:
        print(f"{name:{width}}  {wanted:14} {got}")
    failed = sum(got.startswith("FAILED") for _, _, got in rows)
    print(f"\n{len(rows) - failed} of {len(rows)} as wanted")
    return 1 if failed else 0


def _chosen(options):
    known = scenarios.every()
    if options.all:
        return list(known.values())
    chosen = [made for name, made in known.items()
              if any(fnmatch.fnmatch(name, pattern) for pattern in options.names)]
    if not chosen:
        sys.exit("no such scenario; see `lab.py list`")
    return chosen


def _make(made, target, keep):
    wanted = made.stage or "-"
    for _ in range(TRIES):
        folder = pathlib.Path(tempfile.mkdtemp(prefix=f"rdplab-{made.name}-"))
        try:
            started = time.time()
            reached = _run_once(made, folder)
            _publish(folder, target)
            return (made.name, wanted, f"{'/'.join(reached['client'][-1:]) or '-'} "
                    f"(server {'/'.join(reached['server'][-1:]) or '-'}) "
                    f"{time.time() - started:.1f} s")
        except (truth.Disagreement, TimeoutError) as problem:
            reason = str(problem)
        except Exception:
            reason = traceback.format_exc()
            keep = True
        finally:
            if keep:
                print(f"  kept {folder}")
            else:
                shutil.rmtree(folder, ignore_errors=True)
    return made.name, wanted, f"FAILED: {reason}"


def _run_once(made, folder):
    run = runs.Run(folder, made)
    try:
        made.run(run)
    finally:
        run.close()
    run.save(folder / "bridge.jsonl")
    reached = truth.write(folder, made, runs.Record(folder))
    steps.write(folder)
    return reached


def _publish(folder, target):
    """Move what belongs to a case into its place; logs and homes stay behind."""
    for capture in ("client.pcap", "server.pcap"):
        size = (folder / capture).stat().st_size
        if size > LIMIT:
            raise truth.Disagreement(f"{capture} has {size} bytes, more than {LIMIT}")
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in ("client.pcap", "server.pcap", "keys.txt", "truth.toml", "steps.toml", "bridge.jsonl"):
        source = folder / name
        if source.exists() and source.stat().st_size:
            shutil.copy(source, target / name)


if __name__ == "__main__":
    sys.exit(main())
