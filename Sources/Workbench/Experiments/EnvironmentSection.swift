import Configuration
import Environments
import Replication

extension DiskModel {
  init(reading node: ConfigValue?) throws(ExperimentError) {
    self = Environment.standard.disk
    if node?.value == .string("none") {
      sync = nil
      return
    }
    if let node {
      guard case .object = node.value else {
        throw node.refused(#""none" or { fsync: "1ms", bandwidth: "1GB/s", groupCommit: true }"#)
      }
    }
    let section = try Section(node, path: "disk", known: ["fsync", "bandwidth", "groupCommit"])
    if let node = section["fsync"] {
      sync = try DelayDistribution(reading: node, longest: .seconds(60))
    }
    if let node = section["bandwidth"] { bandwidth = try node.byteRate() }
    groupCommit = try section["groupCommit"]?.flag() ?? groupCommit
  }

  var json: JSONValue {
    guard let sync else { return .string("none") }
    return .object([
      .init("fsync", sync.json), .init("bandwidth", .byteRate(bandwidth)),
      .init("groupCommit", .flag(groupCommit)),
    ])
  }
}

extension CPUModel {
  init(reading node: ConfigValue?) throws(ExperimentError) {
    self = Environment.standard.cpu
    let section = try Section(node, path: "cpu", known: ["perMessage", "perByte", "apply"])
    perMessage = try section["perMessage"]?.interval(in: .zero ... .seconds(1)) ?? perMessage
    perByte = try section["perByte"]?.interval(in: .zero ... .milliseconds(1)) ?? perByte
    apply = try section["apply"]?.interval(in: .zero ... .seconds(1)) ?? apply
  }

  var json: JSONValue {
    .object([
      .init("perMessage", .interval(perMessage)), .init("perByte", .interval(perByte)),
      .init("apply", .interval(apply)),
    ])
  }
}

extension ClockModel {
  init(reading node: ConfigValue?) throws(ExperimentError) {
    self.init()
    let section = try Section(node, path: "clocks", known: ["maxSkew", "maxDrift"])
    maxSkew = try section["maxSkew"]?.interval(in: .zero...Interval.hour) ?? maxSkew
    maxDrift = try section["maxDrift"]?.number(in: 0...0.5) ?? maxDrift
  }

  var json: JSONValue {
    .object([.init("maxSkew", .interval(maxSkew)), .init("maxDrift", .number(maxDrift))])
  }
}
