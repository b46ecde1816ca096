/**
 * Definitions of the services and messages of a build, with only the fields that moat uses.
 *
 * Numbers are those of the public definitions of BuildKit and fsutil. They are data, so that a
 * compiled program reads no file.
 *
 * @module
 */

interface Field {
  readonly type: string;
  readonly id: number;
  readonly rule?: "repeated";
  readonly keyType?: string;
}

function one(type: string, id: number): Field {
  return { type, id };
}

function many(type: string, id: number): Field {
  return { type, id, rule: "repeated" };
}

function textMap(id: number): Field {
  return { type: "string", id, keyType: "string" };
}

function method(
  requestType: string,
  responseType: string,
  streams: { readonly requestStream?: true; readonly responseStream?: true } = {},
): { requestType: string; responseType: string; comment: string } {
  return { requestType, responseType, ...streams, comment: "" };
}

const TIME = "google.protobuf.Timestamp";

const GOOGLE = {
  nested: {
    protobuf: {
      nested: {
        Timestamp: { fields: { seconds: one("int64", 1), nanos: one("int32", 2) } },
        Any: { fields: { type_url: one("string", 1), value: one("bytes", 2) } },
      },
    },
    rpc: {
      nested: {
        Status: {
          fields: {
            code: one("int32", 1),
            message: one("string", 2),
            details: many("google.protobuf.Any", 3),
          },
        },
      },
    },
  },
};

const CONTROL = {
  Control: {
    methods: {
      Solve: method("SolveRequest", "SolveResponse"),
      Status: method("StatusRequest", "StatusResponse", { responseStream: true }),
      Session: method("BytesMessage", "BytesMessage", {
        requestStream: true,
        responseStream: true,
      }),
    },
  },
  SolveRequest: {
    fields: {
      Ref: one("string", 1),
      ExporterDeprecated: one("string", 3),
      ExporterAttrsDeprecated: textMap(4),
      Session: one("string", 5),
      Frontend: one("string", 6),
      FrontendAttrs: textMap(7),
      Cache: one("CacheOptions", 8),
      Exporters: many("Exporter", 13),
    },
  },
  CacheOptions: { fields: {} },
  Exporter: { fields: { Type: one("string", 1), Attrs: textMap(2) } },
  SolveResponse: { fields: { ExporterResponse: textMap(1) } },
  StatusRequest: { fields: { Ref: one("string", 1) } },
  StatusResponse: {
    fields: {
      vertexes: many("Vertex", 1),
      statuses: many("VertexStatus", 2),
      logs: many("VertexLog", 3),
    },
  },
  Vertex: {
    fields: {
      digest: one("string", 1),
      name: one("string", 3),
      cached: one("bool", 4),
      started: one(TIME, 5),
      completed: one(TIME, 6),
      error: one("string", 7),
    },
  },
  VertexStatus: {
    fields: {
      ID: one("string", 1),
      vertex: one("string", 2),
      name: one("string", 3),
      current: one("int64", 4),
      total: one("int64", 5),
      completed: one(TIME, 8),
    },
  },
  VertexLog: {
    fields: { vertex: one("string", 1), stream: one("int64", 3), msg: one("bytes", 4) },
  },
  BytesMessage: { fields: { data: one("bytes", 1) } },
};

const FILE_SYNC = {
  FileSync: {
    methods: {
      DiffCopy: method("fsutil.types.Packet", "fsutil.types.Packet", {
        requestStream: true,
        responseStream: true,
      }),
    },
  },
  FileSend: {
    methods: {
      DiffCopy: method("BytesMessage", "BytesMessage", {
        requestStream: true,
        responseStream: true,
      }),
    },
  },
  BytesMessage: { fields: { data: one("bytes", 1) } },
};

const FSUTIL = {
  /** `type` is an enumeration: see `PACKET` in `file_sync.ts`. */
  Packet: {
    fields: {
      type: one("int32", 1),
      stat: one("Stat", 2),
      ID: one("uint32", 3),
      data: one("bytes", 4),
    },
  },
  Stat: {
    fields: {
      path: one("string", 1),
      mode: one("uint32", 2),
      uid: one("uint32", 3),
      gid: one("uint32", 4),
      size: one("int64", 5),
      modTime: one("int64", 6),
    },
  },
};

const HEALTH = {
  Health: {
    methods: { Check: method("CheckRequest", "CheckResponse") },
  },
  CheckRequest: { fields: { service: one("string", 1) } },
  CheckResponse: { fields: { status: one("int32", 1) } },
};

/** All definitions, as `fromJSON` of the loader takes them. */
export const DESCRIPTOR = {
  nested: {
    google: GOOGLE,
    moby: {
      nested: {
        buildkit: { nested: { v1: { nested: CONTROL } } },
        filesync: { nested: { v1: { nested: FILE_SYNC } } },
      },
    },
    fsutil: { nested: { types: { nested: FSUTIL } } },
    grpc: { nested: { health: { nested: { v1: { nested: HEALTH } } } } },
    /** No service on the wire: the loader gives decoders for the messages of methods only. */
    moat: {
      nested: {
        Errors: {
          methods: {
            Decode: method("google.rpc.Status", "google.rpc.Status"),
          },
        },
      },
    },
  },
};
