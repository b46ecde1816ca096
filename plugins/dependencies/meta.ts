/**
 * Names that stand for several entries.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { createDependency, type Manifest } from "../../core/plugin/manifest.ts";

const ROWS: readonly (readonly [id: string, summary: string, ...members: string[]])[] = [
  ["cli-essentials", "Everyday command-line tools", "jq", "yq", "fzf", "ripgrep", "fd", "bat"],
  [
    "go-extras",
    "Tools for Go",
    "gofumpt",
    "govulncheck",
    "goreleaser",
    "golangci-lint",
  ],
  ["k8s", "Tools for Kubernetes", "kubectl", "helm"],
  ["node-dev", "Tools for JavaScript and TypeScript", "typescript", "prettier", "eslint"],
  [
    "protobuf",
    "Protocol Buffers for Go",
    "protoc",
    "protoc-gen-go",
    "protoc-gen-go-grpc",
    "protoc-gen-validate",
    "protoc-gen-doc",
  ],
  [
    "protobuf-es",
    "Protocol Buffers for TypeScript",
    "protoc",
    "protoc-gen-es",
    "protoc-gen-connect-es",
  ],
  [
    "protobuf-grpc-gateway",
    "Protocol Buffers with a gRPC gateway",
    "protoc",
    "protoc-gen-grpc-gateway",
    "protoc-gen-openapiv2",
    "protoc-gen-grpc-gateway-ts",
  ],
  ["python-dev", "Tools for Python", "uv", "ruff", "black", "mypy", "pytest"],
];

/** The manifests of the rows. */
export const META: readonly Manifest[] = ROWS.map(([id, summary, ...expands]) => ({
  schema: 1,
  kind: "dependency",
  id,
  summary,
  category: "meta",
  expands,
}));

/** The plugins of the rows. */
export const meta: readonly DependencyPlugin[] = META.map(createDependency);
