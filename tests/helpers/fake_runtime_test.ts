import { acceptContract } from "../contracts/accept_contract.ts";
import { companionContract } from "../contracts/companion_contract.ts";
import { runtimeContract } from "../contracts/runtime_contract.ts";
import { makeFake, makeFakeCompanions } from "./fake_subjects.ts";

runtimeContract("fake", { make: () => makeFake() });
companionContract("fake", { make: () => makeFakeCompanions() });
acceptContract("fake", {
  make: () => makeFake(),
  skip: {
    "a client that reads nothing holds up its own connection alone": "its streams hold everything",
    "who is killed leaves nobody waiting inside, and another can take over": "it is in one process",
  },
});
