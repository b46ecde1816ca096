/**
 * Rust with cargo and rustup, out of its official image.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { findTool } from "../../core/plugin/host_tool.ts";

const CARGO = "/usr/local/cargo";
const RUSTUP = "/usr/local/rustup";

/** The `rust` dependency, written `rust` or `rust@1.90`. */
export const rust: DependencyPlugin = {
  kind: "dependency",
  id: "rust",
  summary: "Rust, with cargo",
  category: "language",
  origin: "image rust",
  commands: ["rustc", "cargo"],
  versions: {
    default: "stable",
    channels: ["stable"],
    known: [],
    open: { minParts: 2 },
  },

  contribute({ version }) {
    const image = version === "stable" ? "rust:slim" : `rust:${version}-slim`;
    return {
      baseImage: image,
      // The linker; the image has it.
      apt: ["gcc", "libc6-dev"],
      layers: [{
        kind: "copy-from",
        group: "language",
        image,
        paths: [{ from: CARGO, to: CARGO }, { from: RUSTUP, to: RUSTUP }],
      }],
      path: ["/home/moatuser/.cargo/bin", `${CARGO}/bin`],
      // What a build as root leaves in the image's own CARGO_HOME, the run's user could not write.
      env: { CARGO_HOME: "/home/moatuser/.cargo", RUSTUP_HOME: RUSTUP },
    };
  },

  find: (entry, probe) =>
    findTool({
      commands: ["rustc", "cargo"],
      hint: "Install Rust with rustup, or use --runtime docker",
      home: ["rustc", "--print", "sysroot"],
    }, { entry, probe }),
};
