import { acceptContract } from "../../tests/contracts/accept_contract.ts";
import { runtimeContract } from "../../tests/contracts/runtime_contract.ts";
import { startAcceptor } from "../../tests/helpers/acceptor.ts";
import { dockerIsolations, makeDocker } from "../../tests/helpers/docker_subject.ts";
import { requires, testEngines } from "../../tests/helpers/machine.ts";

const { ignore } = requires("docker");
for (const target of testEngines()) {
  for (const isolation of dockerIsolations()) {
    runtimeContract(`docker ${isolation} ${target}`, {
      make: () => makeDocker(target, isolation),
      ignore,
    });
    acceptContract(`docker ${isolation} ${target}`, {
      async make() {
        const subject = await makeDocker(target, isolation);
        const { home } = subject;
        return {
          ...subject,
          acceptElsewhere: (name, port) =>
            startAcceptor({ kind: "docker", where: target, stateDir: "", home, name, port }),
        };
      },
      ignore,
    });
  }
}
