import Clients
import Configuration
import Replication
import Workloads

extension WorkloadSpec {
  static let keyNames = [
    "preset", "clients", "arrival", "mix", "keys", "preload", "distribution", "scanLength",
    "valueSize", "timeout", "thinkTime", "patience", "outstanding", "connections", "operations",
    "clientRate",
    "ask", "groups", "trace",
  ]
  /// The limit of keys × value size, the bytes that a replica may come to hold.
  private static let mostBytes = 4 << 30

  /// Fields given beside a preset override the preset's.
  /// - Parameter trace: the trace that the section names.
  init(reading node: ConfigValue?, trace: OperationTrace?) throws(ExperimentError) {
    self.init()
    let section = try Section(node, path: "workload", known: Self.keyNames)
    if let node = section["trace"] {
      guard let trace else { throw node.refused("a trace in the file itself, not in a sweep") }
      for name in TraceSection.replaced {
        guard let other = section[name] else { continue }
        throw other.refused("no \(name) beside a trace, which decides it")
      }
      follow(trace)
    }
    if let node = section["preset"] {
      let preset = try node.choice(of: WorkloadPreset.self)
      mix = preset.mix
      distribution = preset.distribution
      preload = true
    }
    clients = try section["clients"]?.integer(in: 1...100_000) ?? clients
    arrival = try section["arrival"].map(Arrival.init(reading:)) ?? arrival
    mix = try section["mix"].map(OperationMix.init(reading:)) ?? mix
    keys = try section["keys"]?.integer(in: 1...10_000_000) ?? keys
    preload = try section["preload"]?.flag() ?? preload
    distribution =
      try section["distribution"].map(KeyDistribution.init(reading:)) ?? distribution
    scanLength = try section["scanLength"].map(ScanLength.init(reading:)) ?? scanLength
    valueSize = try section["valueSize"].map(ValueSize.init(reading:)) ?? valueSize
    timeout = try section["timeout"]?.interval(in: .milliseconds(1)...Interval.hour) ?? timeout
    thinkTime = try section["thinkTime"]?.interval(in: .zero...Interval.hour) ?? thinkTime
    patience = try section["patience"].map(Patience.init(reading:)) ?? patience
    if let node = section["outstanding"] {
      limitsOutstanding = try node.choice(of: Self.outstanding) == Self.outstanding[0]
    }
    connections =
      try section["connections"].map(ConnectionSharing.init(reading:)) ?? connections
    operations = try section["operations"].flatMap { node throws(ExperimentError) in
      node.value == .string(Self.unlimited) ? nil : try Self.operations(node)
    }
    if let node = section["clientRate"], node.value != .string(Self.unlimited) {
      clientRate = try ClientRate.read(node, in: self)
    }
    ask = try section["ask"].map(ClientGroupSection.ask) ?? ask
    if let node = section["groups"] { groups = try ClientGroupSection.groups(node, in: self) }
    guard connections != .perClient || clients <= ConnectionSharing.mostPerClient else {
      throw ExperimentError(
        path: "workload.connections", found: "\"per-client\" with \(clients) clients",
        allowed: "at most \(ConnectionSharing.mostPerClient) connections to each node")
    }
    let mean = meanValueSize
    guard Double(keys) * mean <= Double(Self.mostBytes) else {
      let size = Quantity.text(Int64(mean), units: Unit.sizes)
      throw ExperimentError(
        path: "workload.keys", found: "\(keys) keys of \(size)",
        allowed: "keys × valueSize up to 4GiB")
    }
    if distribution.isConflict, keys <= clients {
      throw ExperimentError(
        path: "workload.keys", found: "\(keys) keys for \(clients) clients",
        allowed:
          "more keys than clients beside the distribution conflict: a shared one and one each")
    }
    try ScanRules.check(self)
    if arrival.isOpen, thinkTime != .zero {
      throw ExperimentError(
        path: "workload.thinkTime", found: "\(thinkTime) with open arrival",
        allowed: "a thinkTime only with arrival \"closed\"")
    }
  }

  private static let unlimited = "unlimited"

  private static func operations(_ node: ConfigValue) throws(ExperimentError) -> Int {
    let range = 1...1_000_000_000
    if case .string = node.value {
      throw node.refused(
        "\"\(unlimited)\" or a number of answers, 1...\(range.upperBound)",
        suggestion: node.nearestName(among: [unlimited]))
    }
    return try node.integer(in: range)
  }

  /// The values of `outstanding`: with and without a limit.
  private static let outstanding = ["answered", "unlimited"]

  var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("clients", .integer(Int128(clients))),
      .init("arrival", arrival.json),
      .init("mix", mix.json),
      .init("keys", .integer(Int128(keys))),
      .init("preload", .flag(preload)),
      .init("distribution", distribution.json),
      .init("valueSize", valueSize.json),
      .init("timeout", .interval(timeout)),
      .init("thinkTime", .interval(thinkTime)),
      .init("patience", patience.json),
      .init("outstanding", .string(Self.outstanding[limitsOutstanding ? 0 : 1])),
      .init("connections", connections.json),
      .init("operations", operations.map { .integer(Int128($0)) } ?? .string(Self.unlimited)),
      .init("clientRate", clientRate.map { .rate($0) } ?? .string(Self.unlimited)),
      .init("ask", ClientGroupSection.json(ask)),
      .init("groups", ClientGroupSection.json(groups)),
    ]
    if mix.scan > 0 || scanLength != WorkloadSpec().scanLength {
      members.append(.init("scanLength", scanLength.json))
    }
    guard let trace else { return .object(members) }
    return .object(
      [.init("trace", TraceSection.json(trace))]
        + members.filter { !TraceSection.replaced.contains($0.key) })
  }
}

/// `clientRate` of the workload and of its groups.
enum ClientRate {
  /// - Parameter spec: the workload with its arrivals.
  static func read(
    _ node: ConfigValue, in spec: WorkloadSpec
  ) throws(ExperimentError) -> Double {
    guard !spec.arrival.isOpen else {
      throw node.refused("a clientRate only with arrival \"closed\", as an open loop has a rate")
    }
    return try node.rate(in: 0.001...1_000_000)
  }
}

/// `workload.connections`: a whole number 1...1024, or `"per-client"`. Default 4. Only the cluster
/// runtime and targets have connections; the simulation accepts the key and models none.
extension ConnectionSharing {
  /// One machine has about 28 000 local ports for connections to one address.
  static let mostPerClient = 20_000

  init(reading node: ConfigValue) throws(ExperimentError) {
    let range = 1...1024
    switch node.value {
    case .string("per-client"): self = .perClient
    case .integer(let count) where Int(exactly: count).map(range.contains) ?? false:
      self = .shared(Int(count))
    default:
      throw node.refused(
        "a whole number 1...1024 or \"per-client\"",
        suggestion: node.nearestName(among: ["per-client"]))
    }
  }

  var json: JSONValue {
    switch self {
    case .shared(let count): .integer(Int128(count))
    case .perClient: .string("per-client")
    }
  }
}

extension Patience {
  init(reading node: ConfigValue) throws(ExperimentError) {
    guard node.value != .string("adaptive") else {
      self = .adaptive
      return
    }
    guard case .string(let text) = node.value, Quantity(text) != nil else {
      throw node.refused(
        #""adaptive" or a duration, such as "100ms""#,
        suggestion: node.nearestName(among: ["adaptive"]))
    }
    self = .fixed(try node.interval(in: .microseconds(10)...Interval.hour))
  }

  var json: JSONValue {
    guard case .fixed(let interval) = self else { return .string("adaptive") }
    return .interval(interval)
  }
}

extension Arrival {
  init(reading node: ConfigValue) throws(ExperimentError) {
    let allowed =
      #""closed", { open: "20000/s", process: "poisson" } or { phases: [{ for: "5s", open: "20000/s" }] }"#
    guard case .object = node.value else {
      guard node.value == .string("closed") else {
        throw node.refused(allowed, suggestion: node.nearestName(among: ["closed"]))
      }
      self = .closed
      return
    }
    let section = try Section(
      node, path: node.path, known: ["open", "phases", "repeat", "process"])
    if let phases = section["phases"] {
      if let open = section["open"] { throw open.refused("one of open and phases", found: "both") }
      let process = try section["process"]?.choice(of: ArrivalProcess.self) ?? .poisson
      self = .varying(try LoadCurve(reading: phases, section["repeat"]), process: process)
      return
    }
    if let node = section["repeat"] { throw node.refused("repeat only beside phases") }
    let rate = try section.required("open", #"a rate per second, such as "20000/s""#)
      .rate(in: 0.001...10_000_000)
    let process = try section["process"]?.choice(of: ArrivalProcess.self) ?? .poisson
    self = .open(rate: rate, process: process)
  }

  var json: JSONValue {
    switch self {
    case .closed: .string("closed")
    case .open(let rate, let process):
      .object([
        .init("open", .rate(rate)), .init("process", .string(process.rawValue)),
      ])
    case .varying(let curve, let process):
      .object([
        .init("phases", .array(curve.phases.map(\.json))), .init("repeat", .flag(curve.repeats)),
        .init("process", .string(process.rawValue)),
      ])
    }
  }
}

extension OperationMix {
  private static var fields: [(name: String, path: WritableKeyPath<OperationMix, Double>)] {
    [
      ("get", \.get), ("put", \.put), ("delete", \.delete), ("append", \.append),
      ("cas", \.compareAndSwap), ("insert", \.insert), ("readModifyWrite", \.readModifyWrite),
      ("scan", \.scan),
    ]
  }

  /// A kind of operation that the mix does not name has the share 0.
  init(reading node: ConfigValue) throws(ExperimentError) {
    self.init()
    let section = try Section(node, path: node.path, known: Self.fields.map(\.name))
    var sum = 0.0
    for field in Self.fields {
      self[keyPath: field.path] = try section[field.name]?.number(in: 0...1_000_000) ?? 0
      sum += self[keyPath: field.path]
    }
    guard sum > 0 else { throw node.refused("at least one share above 0") }
  }

  var json: JSONValue {
    .object(
      Self.fields.filter { self[keyPath: $0.path] > 0 }.map {
        .init($0.name, .number(self[keyPath: $0.path]))
      })
  }
}

extension KeyDistribution {
  init(reading node: ConfigValue) throws(ExperimentError) {
    let allowed =
      #""uniform", "latest", { zipfian: 0.99 }, { conflict: 0.25 } "#
      + "or { hotspot: [share of keys, share of operations] }"
    switch node.value {
    case .string("uniform"): self = .uniform
    case .string("latest"): self = .latest
    case .object(let members) where members.count == 1:
      // These two have no number, so they are texts.
      guard !["uniform", "latest"].contains(members[0].key) else { throw node.refused(allowed) }
      let section = try Section(node, path: node.path, known: Self.examples.map(\.name))
      if let theta = section["zipfian"] {
        self = .zipfian(theta: try KeyDistribution.exponent(theta))
      } else if let share = section["conflict"] {
        self = .conflict(share: try share.number(in: 0...1))
      } else if let shares = try section["hotspot"]?.elements(allowed), shares.count == 2 {
        let keyShare = try shares[0].number(in: 0...1)
        guard keyShare > 0 else { throw shares[0].refused("a share of the keys above 0") }
        self = .hotspot(keyShare: keyShare, operationShare: try shares[1].number(in: 0...1))
      } else {
        throw node.refused(allowed)
      }
    default:
      let nearest = node.nearestName(among: ["uniform", "latest"] + Self.examples.map(\.name))
      guard let example = Self.examples.first(where: { $0.name == nearest }) else {
        throw node.refused(allowed, suggestion: nearest)
      }
      throw node.refused("\(allowed); \(example.name) needs its numbers: \(example.text)")
    }
  }

  /// The distributions that need numbers.
  private static let examples = [
    (name: "zipfian", text: "{ zipfian: 0.99 }"),
    (name: "hotspot", text: "{ hotspot: [0.2, 0.8] }"),
    (name: "conflict", text: "{ conflict: 0.25 }"),
  ]

  /// Above 10 more than 99.9 % of all operations have the same key.
  private static func exponent(_ node: ConfigValue) throws(ExperimentError) -> Double {
    let theta = try node.number(in: 0...10)
    guard theta > 0 else { throw node.refused("an exponent above 0, up to 10") }
    return theta
  }

  var json: JSONValue {
    switch self {
    case .uniform: .string("uniform")
    case .latest: .string("latest")
    case .zipfian(let theta): .object([.init("zipfian", .number(theta))])
    case .conflict(let share): .object([.init("conflict", .number(share))])
    case .hotspot(let keyShare, let operationShare):
      .object([.init("hotspot", .array([.number(keyShare), .number(operationShare)]))])
    }
  }
}
