"""TLS as scripts, and as another implementation, see it: `tls_test.py build/vigil throwaway_ca`.

`openssl s_client` is the other implementation.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

import program_test
from program_test import (ALICE, AS_ALICE, AS_BOB, BOB, PATIENCE_S, USERS, Program, Server, run)

THROWAWAY_CA = ""
FOLDER = ""
LISTEN = ["--listen", "tls:127.0.0.1:0"]
SIPS_ALICE = "sips:alice@localhost"


def path(name):
    return os.path.join(FOLDER, name)


def own(name):
    return ["--cert", path(name + ".pem"), "--key", path(name + ".key")]


CA = ["--ca", path("ca.pem")]


class TlsServer(Server):
    def __init__(self, *arguments, certificate="localhost", listen=LISTEN):
        super().__init__(*own(certificate), *CA, "--policy", "allow", *arguments, listen=listen)
        self.port = next(n for n in self.names if n.startswith("tls:")).rsplit(":", 1)[1]


def s_client(port, *options, text="", seconds=PATIENCE_S):
    """What openssl says, both outputs together."""
    done = subprocess.run(
        ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", path("ca.pem"),
         *options],
        input=text.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds)
    return done.stdout.decode(errors="replace")


class Handshake(unittest.TestCase):
    def test_versions_and_ciphers(self):
        """T-30: TLS 1.2 and 1.3 with forward secrecy and authenticated encryption, no less."""
        with TlsServer() as server:
            for options in (["-tls1_3"], ["-tls1_2"],
                            ["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"]):
                out = s_client(server.port, *options, "-verify_return_error", "-brief")
                self.assertIn("CONNECTION ESTABLISHED", out)
                self.assertIn("Verification: OK", out)
            for options in (["-tls1_1", "-cipher", "ALL@SECLEVEL=0"],
                            ["-tls1", "-cipher", "ALL@SECLEVEL=0"],
                            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA"],
                            ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384"],
                            ["-tls1_2", "-cipher", "aNULL:eNULL:@SECLEVEL=0"]):
                out = s_client(server.port, *options, "-brief")
                self.assertNotIn("CONNECTION ESTABLISHED", out, options)
                self.assertIn("alert", out, options)
            out = s_client(server.port, "-tls1_2")
            self.assertIn("Compression: NONE", out)

    def test_renegotiation_is_refused(self):
        """T-30: a client that wants to negotiate again is not followed."""
        with TlsServer() as server:
            # "R" on a line of its own makes s_client ask for it.
            out = s_client(server.port, "-tls1_2", text="R\nhello\n")
            self.assertIn("RENEGOTIATING", out)
            self.assertIn("no renegotiation", out)

    def test_resumption(self):
        """T-30: a session is resumed by its ticket."""
        with TlsServer() as server:
            for version in ("-tls1_2", "-tls1_3"):
                ticket = path("ticket" + version)
                # A question, so that the tickets of TLS 1.3, which come late, are waited for.
                s_client(server.port, version, "-sess_out", ticket, "-ign_eof",
                         text="garbage that ends the connection\r\n\r\n")
                self.assertTrue(os.path.exists(ticket))
                self.assertIn("Reused, TLSv1", s_client(server.port, version, "-sess_in", ticket))

    def test_names_that_are_asked_for(self):
        """R5922-7.3-1: the certificate is chosen by the name that a client asks for."""
        with TlsServer(*own("for-sip")) as server:
            self.assertIn("CN = sip\n", s_client(server.port, "-servername", "sip.example"))
            self.assertIn("CN = localhost\n", s_client(server.port, "-servername", "localhost"))
            self.assertIn("CN = localhost\n", s_client(server.port, "-noservername"))

    def test_client_certificates(self):
        """R5922-7.4-1 R3903-14.4-1: who is to show a certificate is refused without."""
        with TlsServer("--client-certificates", "require") as server:
            # Words of SIP, so that the client stays until it hears of it.
            out = s_client(server.port, "-ign_eof", text="\r\n\r\n")
            self.assertIn("certificate required", out)
            server.error_with("it showed no certificate")
            out = s_client(server.port, "-ign_eof", "-cert", path("untrusted.pem"), "-key",
                           path("untrusted.key"), text="\r\n\r\n")
            self.assertIn("unknown ca", out)
            server.error_with("no authority that we trust")
            for certificate, code in (("phone", 0), ("untrusted", 1)):
                self.assertEqual(run("watch", ALICE, *AS_BOB, *server.at("tls"), *CA,
                                     *own(certificate), "--once")[0], code)


class Clients(unittest.TestCase):
    def test_publish_and_watch(self):
        """R3856-9.2-2 R3856-9.1-1 R3863-6-1: presence goes by TLS both ways, sips and sip."""
        with TlsServer("--notify-interval", "0") as server:
            for watched in (ALICE, SIPS_ALICE):
                with Program("watch", watched, *AS_BOB, *server.at("tls"), *CA) as watch:
                    watch.line_with("subscription active")
                    with Program("publish", watched, *AS_ALICE, *server.at("tls"), *CA,
                                 "--status", "open", "--note", "in private") as publish:
                        self.assertTrue(publish.line().startswith("etag "))
                        self.assertIn("open", watch.line_with("in private"))
                        self.assertEqual(publish.stop()[0], 130)
                    watch.line_with("closed")
                    self.assertEqual(watch.stop()[0], 130)
            with Program("register", ALICE, *AS_ALICE, *server.at("tls"), *CA) as registered:
                self.assertIn(";transport=tls", registered.line_with("contact"))
                registered.stop()
            with Program("register", SIPS_ALICE, *AS_ALICE, *server.at("tls"), *CA) as registered:
                self.assertIn("sips:", registered.line_with("contact"))
                registered.stop()

    def test_what_is_wrong_is_said(self):
        """R5922-7.3-1 T-30: a client leaves a server that is not the one it was to be."""
        def refused(server, *options, says):
            code, out, err = run("watch", ALICE, *AS_BOB, *options, "--once")
            self.assertEqual((code, out), (1, ""), err)
            self.assertIn(says, err)
            self.assertEqual(err.count("\n"), 1, err)

        with TlsServer() as server:
            at = server.at("tls")
            refused(server, *at, says="from no authority that we trust; --ca FILE")
            refused(server, *at, *CA, "--server-name", "bob.example",
                    says="its certificate is of localhost, 127.0.0.1, [::1], not of bob.example")
            by_name = ["--server", f"tls:localhost:{server.port}"]
            self.assertEqual(run("watch", ALICE, *AS_BOB, *by_name, *CA, "--once")[0], 0)
        with TlsServer(certificate="expired") as server:
            refused(server, *server.at("tls"), *CA, "--server-name", "expired.example",
                    says="its certificate expired on 20")
        with socket.create_server(("127.0.0.1", 0)) as plain:
            def answer():
                with plain.accept()[0] as connection:
                    connection.recv(10_000)
                    connection.sendall(b"SIP/2.0 400 Bad Request\r\n\r\n")
                    connection.recv(10_000)

            threading.Thread(target=answer, daemon=True).start()
            refused(None, "--server", f"tls:127.0.0.1:{plain.getsockname()[1]}", *CA,
                    says="it does not speak TLS")
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            refused(None, "--server", f"tls:127.0.0.1:{closed.getsockname()[1]}", *CA,
                    says="is a server listening there?")

    def test_sips_goes_nowhere_else(self):
        """T-30: sips is never sent by UDP or TCP."""
        with Server("--policy", "allow") as server:
            for transport in ("udp", "tcp"):
                code, _, err = run("watch", SIPS_ALICE, *AS_BOB, *server.at(transport), "--once")
                self.assertEqual(code, 2)
                self.assertIn("sips goes by TLS alone", err)


class Options(unittest.TestCase):
    def wrong(self, *arguments, says):
        code, out, err = run(*arguments)
        self.assertEqual((code, out), (2, ""), err)
        self.assertIn(says, err)
        self.assertEqual(err.count("\n"), 1, err)

    def test_mistakes(self):
        """What is wrong with the files or the options is one line, and exit code 2."""
        serve = ["serve", *USERS, *LISTEN]
        self.wrong(*serve, says="wants a certificate: give --cert FILE and --key FILE")
        self.wrong(*serve, "--cert", path("localhost.pem"), says="has no key")
        self.wrong(*serve, "--key", path("localhost.key"), says="has no certificate")
        self.wrong(*serve, "--cert", path("x.pem"), "--key", path("localhost.key"),
                   says=path("x.pem") + ": No such file or directory")
        self.wrong(*serve, "--cert", path("localhost.pem"), "--key", path("phone.key"),
                   says="is not the key of the certificate")
        self.wrong(*serve, "--cert", path("localhost.pem"), "--key", path("locked.key"),
                   says="is locked with a password")
        self.wrong(*serve, *own("localhost"), "--ca", path("localhost.key"),
                   says="there is no certificate in it")
        self.wrong(*serve, *own("localhost"), "--client-certificates", "maybe",
                   says="use none, ask or require")
        self.wrong("serve", *USERS, "--sips-only", says="add --listen tls:HOST:PORT")
        self.wrong("serve", *USERS, "--client-certificates", "ask",
                   says="add --listen tls:HOST:PORT")
        self.wrong("watch", ALICE, *CA, "--server", "tcp:127.0.0.1:1", says="--ca goes with TLS")
        self.wrong("watch", ALICE, "--server", "tls:127.0.0.1:1", "--cert", path("phone.pem"),
                   says="--cert and --key go together")
        self.wrong("watch", ALICE, "--server", "tls:127.0.0.1:1", "--ca", path("x.pem"),
                   says=path("x.pem") + ": No such file or directory")

    def test_configuration_file(self):
        """The same names work in a configuration file."""
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as config:
            config.write(f'listen = "tls:127.0.0.1:0"\ncert = ["{path("localhost.pem")}"]\n'
                         f'key = "{path("localhost.key")}"\nca = "{path("ca.pem")}"\n'
                         'client-certificates = "ask"\nsips-only = true\n')
            config.flush()
            with Server("--config", config.name, "--policy", "allow", listen=[]) as server:
                at = [*server.at("tls"), *CA, "--once"]
                self.assertEqual(run("watch", SIPS_ALICE, *AS_BOB, *at)[0], 0)
                code, _, err = run("watch", ALICE, *AS_BOB, *at)
                self.assertEqual(code, 1)
                self.assertIn("480", err)

    def test_reload(self):
        """T-30: SIGHUP changes the certificate; connections stay; a broken file changes nothing."""
        live = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, live)
        cert, key = os.path.join(live, "c.pem"), os.path.join(live, "c.key")

        def put(name):
            shutil.copy(path(name + ".pem"), cert)
            shutil.copy(path(name + ".key"), key)

        put("localhost")
        with Server("--cert", cert, "--key", key, *CA, "--policy", "allow",
                    listen=LISTEN) as server:
            at = [*server.at("tls"), *CA]
            with Program("watch", ALICE, *AS_BOB, *at) as watch:
                watch.line_with("subscription active")
                put("for-sip")
                server.process.send_signal(signal.SIGHUP)
                server.error_with("SIGHUP: configuration read")
                code, _, err = run("watch", ALICE, *AS_BOB, *at, "--once")
                self.assertEqual(code, 1)
                self.assertIn("its certificate is of sip.example", err)
                named = [*at, "--server-name", "sip.example"]
                self.assertEqual(run("watch", ALICE, *AS_BOB, *named, "--once")[0], 0)
                with open(cert, "w") as broken:
                    broken.write("no certificate\n")
                server.process.send_signal(signal.SIGHUP)
                error = server.error_with("SIGHUP: --cert " + cert)
                self.assertIn("all stays as it was", error)
                with Program("publish", ALICE, *AS_ALICE, *named, "--status", "open"):
                    watch.line_with("open")
                self.assertEqual(watch.stop()[0], 130)


if __name__ == "__main__":
    program_test.VIGIL, THROWAWAY_CA = sys.argv[1:3]
    with tempfile.TemporaryDirectory() as FOLDER:
        CA = ["--ca", path("ca.pem")]
        subprocess.run([THROWAWAY_CA, "--tests", FOLDER], check=True)
        unittest.main(argv=sys.argv[:1] + sys.argv[3:])
