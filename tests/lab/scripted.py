"""Small scripted servers on the kernel's TCP, for what no real peer can be made to do."""

import select
import socket
import ssl
import struct
import threading
import time

import certificates
import namespaces

NEGOTIATION_FAILURES = {
    1: "SSL_REQUIRED_BY_SERVER", 2: "SSL_NOT_ALLOWED_BY_SERVER", 3: "SSL_CERT_NOT_ON_SERVER",
    4: "INCONSISTENT_FLAGS", 5: "HYBRID_REQUIRED_BY_SERVER",
    6: "SSL_WITH_USER_AUTH_REQUIRED_BY_SERVER",
}


def connection_confirm(selected):
    return struct.pack("!BBHBBHHBBBHI", 3, 0, 19, 14, 0xD0, 0, 0x1234, 0, 2, 0x1F,
                       0x0800, _little(selected))


def negotiation_failure(code):
    return struct.pack("!BBHBBHHBBBHI", 3, 0, 19, 14, 0xD0, 0, 0x1234, 0, 3, 0, 0x0800,
                       _little(code))


def _little(number):
    return int.from_bytes(struct.pack("<I", number), "big")


class Connection:
    """What a script does with one accepted connection."""

    def __init__(self, plain, folder):
        self.socket, self._folder = plain, folder

    def read_packet(self):
        """One TPKT, or b"" at the end of the stream."""
        head = self._exactly(4)
        return head and head + self._exactly(int.from_bytes(head[2:4], "big") - 4)

    def read_record(self):
        """One TLS record as it stands on the wire."""
        head = self._exactly(5)
        return head and head + self._exactly(int.from_bytes(head[3:5], "big"))

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.socket.recv(count - len(data))
            if not part:
                return b""
            data += part
        return data

    def send(self, data):
        self.socket.sendall(data)

    def start_tls(self, version="1.3", certificate="valid"):
        made = certificates.make(certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made.certificate, made.key)
        context.minimum_version = context.maximum_version = {
            "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[version]
        context.keylog_filename = str(self._folder / "scripted.keys")
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def close(self):
        self.socket.close()

    def reset(self):
        """Close with a RST: the kernel's answer to a linger time of zero."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def relay(self, port):
        """Hand the connection to another server on this host."""
        with namespaces.inside(namespaces.SERVER):
            behind = socket.create_connection(("127.0.0.1", port))
        pipes = {self.socket: behind, behind: self.socket}
        while pipes:
            for source in select.select(list(pipes), [], [])[0]:
                part = source.recv(65536)
                if not part:
                    pipes.pop(source).shutdown(socket.SHUT_WR)
                else:
                    pipes[source].sendall(part)

    def wait_for_end(self, seconds):
        """Read and forget until the other side closes."""
        deadline = time.time() + seconds
        while time.time() < deadline:
            if select.select([self.socket], [], [], 0.1)[0] and not self.socket.recv(4096):
                return


class Listener:
    """Accepts on the server's address and runs `script(connection)` for each connection."""

    def __init__(self, folder, script, port=3389, backlog=64):
        self._folder, self._script = folder, script
        with namespaces.inside(namespaces.SERVER):
            self._socket = socket.create_server(("", port), family=socket.AF_INET,
                                                backlog=backlog)
        self._open = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                plain, _ = self._socket.accept()
            except OSError:
                return
            connection = Connection(plain, self._folder)
            self._open.append(connection)
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        try:
            self._script(connection)
        except (OSError, ssl.SSLError, ValueError):
            pass    # the client went away, or `stop` closed the socket under the script

    def stop_listening(self):
        """From now on the kernel refuses; what was accepted stays."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def stop(self):
        self._socket.close()
        for connection in self._open:
            connection.socket.close()
