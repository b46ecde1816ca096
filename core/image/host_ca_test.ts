import assert from "node:assert/strict";
import { certificatesIn, readHostAuthorities } from "./host_ca.ts";

function pem(body: string): string {
  return `-----BEGIN CERTIFICATE-----\n${body}\n-----END CERTIFICATE-----\n`;
}

Deno.test("readHostAuthorities() takes what the system did not ship, once, in a fixed order", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const write = (name: string, text: string) => Deno.writeTextFile(`${folder}/${name}`, text);
    await Deno.mkdir(`${folder}/shipped`);
    await write("shipped/known.crt", pem("S05PV04="));
    await write("bundle.crt", pem("S05PV04=") + pem("WlpaWg=="));
    await write("extra.crt", pem("QUFB\nQQ==") + pem("WlpaWg=="));
    const options = {
      bundles: [`${folder}/bundle.crt`, `${folder}/absent.crt`],
      shipped: [`${folder}/shipped`, `${folder}/absent`],
    };
    const env = { SSL_CERT_FILE: `${folder}/extra.crt`, NODE_EXTRA_CA_CERTS: `${folder}/absent` };
    assert.equal(
      await readHostAuthorities({ ...options, env }),
      pem("QUFBQQ==") + pem("WlpaWg=="),
    );
    assert.equal(
      await readHostAuthorities({ ...options, env: {}, bundles: [`${folder}/shipped/known.crt`] }),
      undefined,
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("certificatesIn() leaves private keys where they are", () => {
  const key = "-----BEGIN PRIVATE KEY-----\nU0VDUkVU\n-----END PRIVATE KEY-----\n";
  assert.deepEqual(certificatesIn(key + pem("QUFB") + key), ["QUFB"]);
});
