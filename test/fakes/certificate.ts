import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificate {
  readonly certFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate for 127.0.0.1 and the names, by openssl, in a directory of the test's own. */
export function makeCertificate(directory: string, names: readonly string[] = []): Certificate {
  const subjects = ["IP:127.0.0.1", ...names.map((name) => `DNS:${name}`)].join(",");
  const [certFile, keyFile] = [join(directory, "cert.pem"), join(directory, "key.pem")];
  execFileSync(
    "openssl",
    [
      ...[
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
      ],
      ...["-subj", "/CN=127.0.0.1", "-addext", `subjectAltName=${subjects}`],
      ...["-keyout", keyFile, "-out", certFile],
    ],
    { stdio: "ignore" },
  );
  return { certFile, cert: readFileSync(certFile), key: readFileSync(keyFile) };
}
