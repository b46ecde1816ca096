/**
 * The tools that are built from Go modules.
 *
 * @module
 */

import type { DependencyPlugin } from "../../core/plugin/contract.ts";
import { type GoTool, goTool } from "./_go_tool.ts";

const GATEWAY = "github.com/grpc-ecosystem/grpc-gateway/v2";

/** One row each. */
export const GO_TOOLS: readonly GoTool[] = [
  {
    id: "air",
    summary: "Rebuilds and restarts a Go program when it changes",
    module: "github.com/air-verse/air",
    versionArgs: ["-v"],
  },
  { id: "gofumpt", summary: "Stricter gofmt", module: "mvdan.cc/gofumpt", version: "0.9.2" },
  { id: "gopls", summary: "Language server for Go", module: "golang.org/x/tools/gopls" },
  {
    id: "govulncheck",
    summary: "Finds known vulnerabilities in Go programs",
    module: "golang.org/x/vuln",
    program: "/cmd/govulncheck",
    versionArgs: ["-version"],
  },
  {
    id: "mockgen",
    summary: "Generates mocks of Go interfaces",
    module: "go.uber.org/mock",
    program: "/mockgen",
    versionArgs: ["-version"],
  },
  {
    id: "protoc-gen-connect-go",
    summary: "protoc plugin: Connect for Go",
    module: "connectrpc.com/connect",
    program: "/cmd/protoc-gen-connect-go",
    requires: ["protoc"],
    versionArgs: ["--version"],
  },
  {
    id: "protoc-gen-doc",
    summary: "protoc plugin: documentation",
    module: "github.com/pseudomuto/protoc-gen-doc",
    program: "/cmd/protoc-gen-doc",
    requires: ["protoc"],
    versionArgs: ["--version"],
  },
  {
    id: "protoc-gen-go",
    summary: "protoc plugin: Go",
    module: "google.golang.org/protobuf",
    program: "/cmd/protoc-gen-go",
    requires: ["protoc"],
    versionArgs: ["--version"],
  },
  {
    id: "protoc-gen-go-grpc",
    summary: "protoc plugin: gRPC for Go",
    module: "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
    requires: ["protoc"],
    versionArgs: ["--version"],
  },
  {
    id: "protoc-gen-grpc-gateway",
    summary: "protoc plugin: gRPC gateway",
    module: GATEWAY,
    program: "/protoc-gen-grpc-gateway",
    requires: ["protoc"],
    versionArgs: ["--version"],
  },
  {
    id: "protoc-gen-grpc-gateway-ts",
    summary: "protoc plugin: TypeScript clients of a gRPC gateway",
    module: "github.com/dpup/protoc-gen-grpc-gateway-ts",
    requires: ["protoc"],
    versionArgs: ["--version"],
  },
  {
    id: "protoc-gen-openapiv2",
    summary: "protoc plugin: OpenAPI",
    module: GATEWAY,
    program: "/protoc-gen-openapiv2",
    requires: ["protoc"],
    versionArgs: ["--version"],
  },
  {
    id: "protoc-gen-validate",
    summary: "protoc plugin: validation",
    module: "github.com/envoyproxy/protoc-gen-validate",
    requires: ["protoc"],
    versionArgs: ["--version"],
  },
];

/** The plugins of the rows. */
export const goTools: readonly DependencyPlugin[] = GO_TOOLS.map(goTool);
