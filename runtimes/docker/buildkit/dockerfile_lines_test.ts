import assert from "node:assert/strict";
import { instructionAt, instructionNamed, instructionsOf, stepTitle } from "./dockerfile_lines.ts";

const DOCKERFILE = `# made by hand
FROM debian

RUN apt-get update && \\
  # within
  apt-get install jq
RUN ["sh", "-euc", "\\
set -x\\n\\
echo hi\\n\\
"]
`;

Deno.test("instructionsOf() joins continued lines and leaves comments out", () => {
  const found = instructionsOf(DOCKERFILE);
  assert.deepEqual(found.map(({ line }) => line), [2, 4, 7]);
  assert.match(found[1]?.source ?? "", /update[^]*jq$/);
});

Deno.test("instructionAt() finds the instruction that a line is part of", () => {
  const found = instructionsOf(DOCKERFILE);
  assert.equal(instructionAt(9, found)?.line, 7);
  assert.equal(instructionAt(1, found), undefined);
});

Deno.test("instructionNamed() counts steps, whatever was filled into the name", () => {
  const found = instructionsOf(DOCKERFILE);
  assert.equal(instructionNamed("[2/3] RUN whatever", found)?.line, 4);
  assert.equal(instructionNamed("[stage-0 3/3] RUN $X", found)?.line, 7);
  const scratch = instructionsOf("FROM scratch\nENV a=b\nCOPY a /a\nRUN true");
  assert.equal(instructionNamed("[2/2] RUN true", scratch)?.line, 4);
});

Deno.test("instructionNamed() compares texts when the numbers do not fit", () => {
  const found = instructionsOf("FROM a AS b\nRUN one \\\n  two\nFROM c\nRUN three");
  assert.equal(instructionNamed("[b 2/2] RUN one   two", found)?.line, 2);
  assert.equal(instructionNamed("[b 2/2] RUN other", found), undefined);
});

const TITLES: readonly (readonly [name: string, title: string])[] = [
  ["[2/3] RUN apt-get   update", "[2/3] RUN apt-get update"],
  [
    "[stage-0 1/3] FROM docker.io/library/debian:bookworm-slim@sha256:00ff",
    "[1/3] FROM debian:bookworm-slim",
  ],
  ['[2/3] RUN --mount=type=cache,target=/a ["npm", "install"]', "[2/3] RUN npm install"],
  ['[2/3] RUN ["sh", "-euc", "set -x\\n# why\\necho hi\\n"]', "[2/3] RUN echo hi"],
  [
    '[2/3] RUN ["env", "A=b", "sh", "-euc", ": jq\\ncase \\"$A\\" in esac\\n", "sh", "x"]',
    "[2/3] RUN jq",
  ],
  [
    '[2/3] RUN ["bash", "-c", ": hook post_build\\ntrap \'echo "$0"\' ERR", "post_build"]',
    "[2/3] RUN hook post_build",
  ],
  ['[2/3] RUN ["env", "GOBIN=/usr/local/bin", "go", "install"]', "[2/3] RUN go install"],
  ["[2/3] COPY [init,/usr/lib/init]", "[2/3] COPY init /usr/lib/init"],
  ["exporting to image", "exporting to image"],
  ["[2/3] RUN [ -f x ]", "[2/3] RUN [ -f x ]"],
  [`[2/3] RUN ${"x".repeat(100)}`, `[2/3] RUN ${"x".repeat(75)}…`],
];

for (const [name, title] of TITLES) {
  Deno.test(`stepTitle() of ${JSON.stringify(name.slice(0, 60))}`, () => {
    assert.equal(stepTitle(name), title);
  });
}
