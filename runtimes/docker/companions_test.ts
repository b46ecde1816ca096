import { companionContract } from "../../tests/contracts/companion_contract.ts";
import { dockerIsolations, makeDockerCompanions } from "../../tests/helpers/docker_subject.ts";
import { requires, testEngines } from "../../tests/helpers/machine.ts";

const { ignore } = requires("docker");
for (const target of testEngines()) {
  for (const isolation of dockerIsolations()) {
    companionContract(`docker ${isolation} ${target}`, {
      make: () => makeDockerCompanions(target, isolation),
      ignore,
    });
  }
}
