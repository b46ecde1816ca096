/**
 * The tools and agents that come from npm.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { type NpmTool, npmTool } from "./_npm_tool.ts";

/** One row each. */
export const NPM_TOOLS: readonly NpmTool[] = [
  {
    id: "claude-code",
    package: "@anthropic-ai/claude-code",
    summary: "Claude Code, Anthropic's coding agent",
    category: "agent",
    commands: ["claude"],
  },
  {
    id: "codex-cli",
    package: "@openai/codex",
    summary: "Codex, OpenAI's coding agent",
    category: "agent",
    commands: ["codex"],
  },
  {
    id: "copilot-cli",
    package: "@github/copilot",
    summary: "GitHub Copilot on the command line",
    category: "agent",
    commands: ["copilot"],
  },
  {
    id: "eslint",
    package: "eslint",
    summary: "Linter for JavaScript and TypeScript",
    category: "tool",
    commands: ["eslint"],
  },
  {
    id: "gemini-cli",
    package: "@google/gemini-cli",
    summary: "Gemini, Google's coding agent",
    category: "agent",
    commands: ["gemini"],
  },
  {
    id: "graphite-cli",
    package: "@withgraphite/graphite-cli",
    summary: "Graphite: stacked pull requests",
    category: "tool",
    commands: ["gt"],
  },
  {
    id: "npm",
    package: "npm",
    summary: "Node's package manager, newer than the one that node brings",
    category: "package manager",
    commands: ["npm"],
    version: "11",
    group: "binary",
  },
  {
    id: "pi-cli",
    package: "@earendil-works/pi-coding-agent",
    summary: "Pi, a coding agent",
    category: "agent",
    commands: ["pi"],
  },
  {
    id: "pnpm",
    package: "pnpm",
    summary: "Package manager for Node",
    category: "package manager",
    commands: ["pnpm"],
  },
  {
    id: "prettier",
    package: "prettier",
    summary: "Code formatter",
    category: "tool",
    commands: ["prettier"],
  },
  {
    id: "protoc-gen-connect-es",
    package: "@connectrpc/protoc-gen-connect-es",
    summary: "protoc plugin: Connect for TypeScript",
    category: "tool",
    commands: ["protoc-gen-connect-es"],
    requires: ["protoc"],
  },
  {
    id: "protoc-gen-es",
    package: "@bufbuild/protoc-gen-es",
    summary: "protoc plugin: TypeScript",
    category: "tool",
    commands: ["protoc-gen-es"],
    requires: ["protoc"],
  },
  {
    id: "typescript",
    package: "typescript",
    summary: "The TypeScript compiler",
    category: "tool",
    commands: ["tsc"],
  },
  {
    id: "yarn",
    package: "yarn",
    summary: "Package manager for Node",
    category: "package manager",
    commands: ["yarn"],
    version: "1",
  },
];

/** The plugins of the rows. */
export const npmTools: readonly DependencyPlugin[] = NPM_TOOLS.map(npmTool);
