import Configuration
import Faults
import Replication

extension FaultScript {
  /// The entries as an experiment file writes them: the timed ones, then chaos.
  var json: JSONValue { .array(timed.map(\.json) + chaos.map(\.json)) }
}

extension TimedFault {
  var json: JSONValue {
    var members: [JSONValue.Member] = [.init("at", .interval(at))]
    if let name { members.insert(.init("name", .string(name)), at: 0) }
    switch action {
    case .crash(let target, let disk):
      members += [.init("crash", target.json), .init("disk", .string(disk.rawValue))]
    case .pause(let target): members.append(.init("pause", target.json))
    case .slowCPU(let target, let factor):
      members += [.init("slow-cpu", target.json), .init("factor", .number(factor))]
    case .partition(let shape):
      members.append(.init("partition", shape.json))
      if case .oneWay(_, let direction) = shape {
        members.append(.init("direction", .string(direction.rawValue)))
      }
    case .link(let target, let degradation):
      members.append(.init("link", target.json))
      members += degradation.members
    case .clock(let target, let fault):
      members.append(.init("clock", target.json))
      switch fault {
      case .jump(let step): members.append(.init("jump", .interval(step)))
      case .drift(let share): members.append(.init("drift", .number(share)))
      }
    case .disk(let target, let fault):
      members.append(.init("disk", target.json))
      switch fault {
      case .slow(let extra): members.append(.init("slow", .interval(extra)))
      case .stall: members.append(.init("stall", .flag(true)))
      case .error: members.append(.init("error", .flag(true)))
      case .full: members.append(.init("full", .flag(true)))
      case .bitRot: members.append(.init("bitRot", .flag(true)))
      }
    }
    if let duration { members.append(.init("for", .interval(duration))) }
    return .object(members)
  }
}

extension FaultTarget {
  var json: JSONValue {
    switch self {
    case .replica(let number): .integer(Int128(number))
    case .several(let targets): .array(targets.map(\.json))
    default: .string(description)
    }
  }
}

extension PartitionShape {
  /// The targets are inside the shape's own member, so that changing the shape changes nothing
  /// else.
  var json: JSONValue {
    switch self {
    case .isolate(let target): .object([.init("isolate", target.json)])
    case .minorityWithLeader: .string("minority-with-leader")
    case .majorityRing: .string("majority-ring")
    case .bridge: .string("bridge")
    case .oneWay(let target, _): .object([.init("one-way", target.json)])
    case .groups(let groups, let clients):
      .object([
        .init(
          "groups",
          .array(
            groups.enumerated().map { index, group in
              let numbers = group.map { JSONValue.integer(Int128($0)) }
              return .array(numbers + (index == clients ? [.string("clients")] : []))
            }))
      ])
    case .clients(let target): .object([.init("clients", target.json)])
    }
  }
}

extension LinkDegradation {
  var members: [JSONValue.Member] {
    let shares = [
      ("loss", loss), ("duplicate", duplicate), ("reorder", reorder), ("corrupt", corrupt),
    ]
    var members = shares.map { JSONValue.Member($0.0, .number($0.1)) }
    members.append(.init("latency", .interval(extraLatency)))
    if let bandwidth { members.append(.init("bandwidth", .bandwidth(bandwidth))) }
    return members
  }
}

extension Chaos {
  var json: JSONValue {
    .object([
      .init(
        "chaos",
        .object([
          .init("mtbf", .interval(meanTimeBetween)), .init("mttr", .interval(meanTimeToRepair)),
          .init("kinds", .array(kinds.map { .string($0.rawValue) })),
        ])),
      .init("from", .interval(from)), .init("until", .interval(until)),
    ])
  }
}
