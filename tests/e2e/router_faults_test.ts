/**
 * Short forms of `deno task soak faults`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { requires } from "../helpers/machine.ts";
import {
  changeRoutesUnderLoad,
  holdConnections,
  killDaemonUnderLoad,
  openFaultStage,
} from "../helpers/router_faults.ts";

Deno.test(
  "the router stands what clients, routes and kills do to it",
  requires("linux", "binary"),
  async (t) => {
    await using stage = await openFaultStage();

    await t.step("2,000 idle connections, and a request is answered", async () => {
      const { beforeMib, afterMib, answerMs, closed } = await holdConnections(stage, {
        count: 2000,
      });
      assert.equal(closed, 0);
      assert(answerMs < 500, `${answerMs} ms`);
      assert(afterMib < beforeMib + 100, `from ${beforeMib} to ${afterMib} MiB`);
    });

    await t.step("routes that come and go under load fail no request", async () => {
      const { answers, failures } = await changeRoutesUnderLoad(stage, { runs: 6 });
      assert.deepEqual([...failures], []);
      assert(answers > 50, `${answers} answers`);
    });

    await t.step("kill -9 of the daemon under load", async () => {
      const times = await killDaemonUnderLoad(stage, 2);
      // Less than a second, but machines that test are slow and busy.
      assert(times.every((ms) => ms < 5000), `${times} ms`);
    });
  },
);
