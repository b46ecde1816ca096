#!/usr/bin/python3 -B
"""Runs of moat as containers of Podman, by its command line. The calls are listed in docs/plugins.md."""

import base64
import ctypes
import io
import json
import os
import socket
import subprocess
import tarfile
import tempfile
import threading
import time
import uuid

from moat_runtime import PIECE, Refused, serve, stream

# Variables that mean something to podman itself cannot be handed over in its own environment.
OWN = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TMPDIR")
OWN_PREFIXES = ("XDG_", "DBUS_", "CONTAINER", "LD_", "_", "STORAGE_", "BUILDAH_", "REGISTRY_")

# An exec's first process has no parent inside; its children inherit the mark.
KILL = """for dir in $(grep -lsz "^MOAT_EXEC_ID=$1\\$" /proc/[0-9]*/environ); do
  dir=${dir%/environ}
  grep -q '^PPid:[[:space:]]*0$' "$dir/status" && kill -s "$2" "${dir#/proc/}"
done
:"""


def podman(*args, feed=None, env=None, check=True):
    """Runs podman to its end; returns its output. Raises Refused with what it says."""
    done = subprocess.run(["podman", *args], input=feed, env=env, capture_output=True)
    if check and done.returncode != 0:
        raise Refused(reason(done.stderr))
    return done.stdout.decode(errors="replace") if check else done


def watched(call, what, *args):
    """Runs podman with its lines as progress; a cancelled call ends it."""
    process = subprocess.Popen(["podman", *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    threading.Thread(target=lambda: call.cancelled.wait() and process.kill(), daemon=True).start()
    lines = []
    for line in process.stdout:
        lines = [*lines[-20:], line.decode(errors="replace").rstrip()[:200]]
        call.say(progress={"id": what, "text": lines[-1]})
    code = process.wait()
    call.cancelled.set()
    if code != 0:
        raise Refused("; ".join(lines[-5:]).removeprefix("Error: ") or "podman failed")


def reason(stderr):
    lines = stderr.decode(errors="replace").strip().splitlines()
    return (lines[-1] if lines else "podman failed").removeprefix("Error: ")


def variables(env):
    """Flags and an environment that hand variables over without their values in the arguments."""
    flags, own, given = [], [], dict(os.environ)
    for name, value in env.items():
        if name in OWN or name.startswith(OWN_PREFIXES):
            if "\n" in value:
                raise Refused(f"variable {name} cannot have more than one line")
            own.append(f"{name}={value}\n")
        else:
            flags += ["--env", name]
            given[name] = value
    if own:
        file = os.memfd_create("env")
        os.set_inheritable(file, True)
        os.write(file, "".join(own).encode())
        flags += ["--env-file", f"/proc/{os.getpid()}/fd/{file}"]
    return flags, given


def field(key, value):
    """A part of --mount, which is a line of CSV."""
    text = f"{key}={value}".replace('"', '""')
    return f'"{text}"'


def mount(mount):
    kind, target = mount["kind"], mount["target"]
    if kind == "tmpfs":
        return ["--tmpfs", f"{target}:{'ro' if mount['readOnly'] else 'rw'},notmpcopyup"]
    parts = [f"type={kind}", field("destination", target)]
    if mount["source"]:
        parts.append(field("source", mount["source"]))
    if mount["readOnly"]:
        parts.append("ro=true")
    return ["--mount", ",".join(parts)]


class Podman:
    def probe(self, call):
        try:
            info = json.loads(podman("info", "--format", "json"))
        except FileNotFoundError:
            return {"unavailable": {"reason": "podman is not installed", "hint": "apt install podman"}}
        except Refused as error:
            return {"unavailable": {"reason": str(error), "hint": "podman info"}}
        host = info["host"]
        rootless = host["security"]["rootless"]
        return {
            "target": "podman",
            "description": f"Podman {info['version']['Version']} ({host['ociRuntime']['name']})",
            "arch": host["arch"],
            "isolation": "container",
            "shiftedIds": rootless,
            **self.abilities(rootless),
        }

    def open(self, call):
        return self.abilities(os.getuid() != 0)

    def abilities(self, rootless):
        """Connections into a run are made in its network's namespace, which only root enters."""
        can = ["images", "build", "networks", "volumes", "reattach", "privileged"]
        return {"abilities": can if rootless else [*can, "dial"], "companions": "subnet"}

    def create(self, call):
        p = call.params
        args = ["--name", p["name"], "--hostname", p["hostname"], "--pull", "never"]
        args += ["--log-driver", "k8s-file", "--stop-signal", "TERM"]
        for key, value in p["labels"].items():
            args += ["--label", f"{key}={value}"]
        for one in p["mounts"]:
            args += mount(one)
        network = p["network"]
        args += ["--network", network["name"] if network["kind"] == "own" else network["kind"]]
        if network.get("address"):
            args += ["--ip", network["address"]]
        for address in p["dns"]:
            args += ["--dns", address]
        for host in p["hosts"]:
            args += ["--add-host", f"{host['name']}:{host['address']}"]
        for group in p["groups"]:
            args += ["--group-add", str(group)]
        limits = p["limits"]
        if "memoryBytes" in limits:
            args += ["--memory", str(limits["memoryBytes"])]
        if "cpus" in limits:
            args += ["--cpus", str(limits["cpus"])]
        for limit in limits.get("ulimits", []):
            args += ["--ulimit", f"{limit['name']}={limit['soft']}:{limit['hard']}"]
        for flag in ("tty", "privileged"):
            args += [f"--{flag}"] if p[flag] else []
        args += ["--interactive"] if p["stdin"] else []
        if p["user"]:
            args += ["--user", f"{p['user']['uid']}:{p['user']['gid']}"]
        if p["workdir"]:
            args += ["--workdir", p["workdir"]]
        if p["entrypoint"] is not None:
            args += ["--entrypoint", json.dumps(p["entrypoint"])]
        flags, env = variables(p["env"])
        podman("create", *args, *flags, p["image"], *p["command"], env=env)
        try:
            self.put_files(p["name"], p["files"])
        except Refused:
            podman("rm", "--force", "--volumes", p["name"])
            raise

    def put_files(self, name, files):
        if not files:
            return
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for file in files:
                content = file["content"].encode()
                entry = tarfile.TarInfo(file["path"].lstrip("/"))
                entry.size, entry.mode = len(content), file["mode"]
                entry.uid, entry.gid = file["uid"], file["gid"]
                tar.addfile(entry, io.BytesIO(content))
        podman("cp", "--archive=false", "-", f"{name}:/", feed=archive.getvalue())

    def start(self, call):
        p = call.params
        if not p["attach"]:
            podman("start", p["name"])
            return {}
        flags = ["--interactive"] if p["stdin"] else []
        return self.attached(call, ["start", "--attach", "--sig-proxy=false", *flags, p["name"]])

    def attach(self, call):
        return self.attached(call, ["attach", "--sig-proxy=false", "--detach-keys=", call.params["name"]])

    def attached(self, call, args):
        p = call.params

        def began(process):
            while process.poll() is None and self.status(p["name"]) == "created":
                time.sleep(0.02)
            if self.status(p["name"]) != "created":
                call.say(started=True)

        tty = p["tty"]
        code, said = stream(call, ["podman", *args], tty=tty, size=p.get("size"), began=began)
        if self.status(p["name"]) == "created":
            raise Refused(reason(said.encode()))
        return {}

    def status(self, name):
        state = self.state(name)
        return state and state["status"]

    def state(self, name):
        done = podman("container", "inspect", name, check=False)
        if done.returncode != 0:
            return None
        found = json.loads(done.stdout)[0]
        state = found["State"]
        running = state["Status"] in ("running", "paused", "stopping")
        began = not state["StartedAt"].startswith("0001")
        networks = found["NetworkSettings"].get("Networks") or {}
        addresses = [one["IPAddress"] for one in networks.values() if one.get("IPAddress")]
        answer = {
            "status": "running" if running else "exited" if began else "created",
            "isolation": "container",
            "isolatedBy": found["OCIRuntime"],
            "addresses": addresses if running else [],
        }
        if began:
            answer["startedAt"] = state["StartedAt"]
        if began and not running:
            answer["finishedAt"] = state["FinishedAt"]
            answer["exit"] = {"code": state["ExitCode"] & 255, "oomKilled": state["OOMKilled"]}
        return answer

    def inspect(self, call):
        return self.state(call.params["name"])

    def wait(self, call):
        name = call.params["name"]
        waiting = subprocess.Popen(
            ["podman", "wait", "--interval", "50ms", name],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        threading.Thread(target=lambda: call.cancelled.wait() and waiting.kill(), daemon=True).start()
        _, said = waiting.communicate()
        call.cancelled.set()
        if waiting.returncode != 0:
            raise Refused(reason(said))
        return self.state(name)["exit"]

    def stop(self, call):
        seconds = str(-(-call.params["graceMs"] // 1000))
        podman("stop", "--ignore", "--time", seconds, call.params["name"])

    def kill(self, call):
        done = podman("kill", "--signal", call.params["signal"], call.params["name"], check=False)
        if done.returncode != 0 and self.status(call.params["name"]) == "running":
            raise Refused(reason(done.stderr))

    def remove(self, call):
        kind, name = call.params["kind"], call.params["name"]
        if kind == "container":
            podman("rm", "--force", "--ignore", "--time", "0", "--volumes", name)
        elif podman(kind, "inspect", name, check=False).returncode == 0:
            podman(kind, "rm", name)

    def list(self, call):
        label = ["--filter", f"label={call.params['label']}", "--format", "json"]
        found = [
            {
                "kind": "container",
                "name": one["Names"][0],
                "labels": one["Labels"],
                "running": one["State"] == "running",
            }
            for one in json.loads(podman("ps", "--all", *label))
        ]
        for one in json.loads(podman("network", "ls", *label)):
            found.append({"kind": "network", "name": one["name"], "labels": one["labels"], "running": False})
        for one in json.loads(podman("volume", "ls", *label)):
            found.append({"kind": "volume", "name": one["Name"], "labels": one["Labels"], "running": False})
        return found

    def logs(self, call):
        """Reads podman's file: `<time> <stream> <F or P> <bytes>`, P for a line without its end."""
        p = call.params
        found = json.loads(podman("container", "inspect", p["name"]))[0]
        tty = found["Config"]["Tty"]
        with open(found["HostConfig"]["LogConfig"]["Path"], "rb") as file:
            file.seek(int(p["after"] or 0))
            while True:
                ended = self.status(p["name"]) != "running" if p["follow"] else True
                while (line := file.readline()).endswith(b"\n"):
                    when, name, tag, content = line[:-1].split(b" ", 3)
                    whole = content if tag == b"P" else content + b"\n"
                    more = {"time": when.decode(), "cursor": str(file.tell())}
                    for at in range(0, len(whole), PIECE):
                        call.send(whole[at : at + PIECE], stream="tty" if tty else name.decode(), **more)
                file.seek(-len(line), os.SEEK_CUR)
                if ended or call.cancelled.is_set():
                    return {}
                time.sleep(0.1)

    def exec(self, call):
        p = call.params
        if self.status(p["name"]) != "running":
            raise Refused("it is not running", "moat list")
        mark = uuid.uuid4().hex
        user = f"{p['user']['uid']}:{p['user']['gid']}"
        flags, env = variables({**p["env"], "MOAT_EXEC_ID": mark})
        flags += ["--user", user, "--workdir", p["workdir"]]
        flags += [f"--{name}" for name, on in (("tty", p["tty"]), ("interactive", p["stdin"])) if on]

        def on_signal(name, process):
            script = ["/bin/sh", "-c", KILL, "kill", mark, name.removeprefix("SIG")]
            podman("exec", "--user", user, p["name"], *script)

        code, _ = stream(
            call,
            ["podman", "exec", *flags, p["name"], *p["command"]],
            env=env,
            tty=p["tty"],
            size=p["size"],
            began=lambda process: call.say(started=True),
            on_signal=on_signal,
        )
        return {"code": code & 255}

    def dial(self, call):
        name, port = call.params["name"], call.params["port"]
        found = json.loads(podman("container", "inspect", name))[0]
        addresses = ["127.0.0.1", "::1", *(self.state(name)["addresses"])]
        peer = connect(found["State"]["Pid"], addresses, port)
        call.say(started=True)

        def obey():
            while (order := call.orders.get()) is not None:
                try:
                    if "data" in order:
                        peer.sendall(base64.b64decode(order["data"]))
                        call.say(taken=1)
                    elif "end" in order:
                        peer.shutdown(socket.SHUT_WR)
                    elif "cancel" in order:
                        peer.shutdown(socket.SHUT_RDWR)
                except OSError:
                    if "data" in order:
                        call.say(taken=1)

        threading.Thread(target=obey, daemon=True).start()
        try:
            while data := peer.recv(PIECE):
                call.send(data)
        except OSError:
            pass
        call.say(end=True)
        call.cancelled.wait()
        call.orders.put(None)
        peer.close()

    def imageExists(self, call):
        return podman("image", "exists", call.params["ref"], check=False).returncode == 0

    def imageId(self, call):
        done = podman("image", "inspect", "--format", "{{.Id}}", call.params["ref"], check=False)
        return f"sha256:{done.stdout.decode().strip()}" if done.returncode == 0 else None

    def pullImage(self, call):
        watched(call, call.params["ref"], "pull", full(call.params["ref"]))

    def buildImage(self, call):
        p = call.params
        with tempfile.TemporaryDirectory() as context:
            for path, file in {"Dockerfile": {"content": p["dockerfile"], "mode": 0o644}, **p["files"]}.items():
                place = os.path.join(context, path)
                os.makedirs(os.path.dirname(place), exist_ok=True)
                with open(place, "w") as out:
                    out.write(file["content"])
                os.chmod(place, file["mode"])
            labels = [f"--label={key}={value}" for key, value in p["labels"].items()]
            cache = ["--no-cache"] if p["noCache"] else []
            flags = ["--format", "docker", "--tag", p["tag"], *labels, *cache]
            watched(call, p["tag"], "build", *flags, context)
        made = podman("image", "inspect", "--format", "{{.Id}}", p["tag"]).strip()
        return {"imageId": f"sha256:{made}"}

    def listImages(self, call):
        listed = podman("images", "--filter", f"label={call.params['label']}", "--format", "json")
        names = [name for image in json.loads(listed) for name in image.get("Names") or []]
        return [name.removeprefix("localhost/") for name in names]

    def untagImage(self, call):
        done = podman("rmi", call.params["ref"], check=False)
        return done.returncode == 0 or b"not known" in done.stderr

    def createNetwork(self, call):
        p = call.params
        labels = [f"--label={key}={value}" for key, value in p["labels"].items()]
        try:
            podman("network", "create", "--subnet", p["subnet"], *labels, p["name"])
        except Refused as error:
            # Moat tries another subnet when it reads of an overlap.
            used = "already used" in str(error) or "overlap" in str(error)
            raise Refused(f"{error} (overlap)" if used else str(error)) from None

    def ensureVolume(self, call):
        p = call.params
        labels = [f"--label={key}={value}" for key, value in p["labels"].items()]
        if podman("volume", "inspect", p["name"], check=False).returncode != 0:
            podman("volume", "create", *labels, p["name"], check=False)
        return json.loads(podman("volume", "inspect", p["name"]))[0]["Labels"] or {}


def full(ref):
    """A reference as Docker reads it: without a registry it is Docker Hub's."""
    first, _, rest = ref.partition("/")
    if rest and ("." in first or ":" in first or first == "localhost"):
        return ref
    return f"docker.io/{ref}" if rest else f"docker.io/library/{ref}"


def connect(pid, addresses, port):
    """A connection made inside a container's network; only this thread goes there."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net") as own, open(f"/proc/{pid}/ns/net") as inside:
        if libc.setns(inside.fileno(), 0x40000000) != 0:
            raise Refused(os.strerror(ctypes.get_errno()))
        try:
            for address in addresses:
                try:
                    return socket.create_connection((address, port), timeout=5)
                except OSError as error:
                    failure = error
            raise Refused(f"nothing listens there ({failure.strerror})")
        finally:
            libc.setns(own.fileno(), 0x40000000)


serve(Podman())
