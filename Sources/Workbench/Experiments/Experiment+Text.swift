import Configuration
import Environments
import Faults
import Linearizability
import Replication

extension Experiment {
  /// The experiment with every default filled in, in the order of the format's description. The
  /// text is JSON, and so JSON5 too; reading it gives an equal experiment.
  var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("format", .integer(Int128(Experiment.format))),
      .init("name", .string(name)),
      .init("description", .string(description)),
      .init("runtime", .string(runtime.rawValue)),
      .init("protocols", .array(protocols.map(\.rowJSON))),
    ]
    if let baseline { members.append(.init("baseline", .string(baseline))) }
    members.append(.init("target", .array(targets.map(\.json))))
    switch size {
    case .replicas(let count): members.append(.init("replicas", .integer(Int128(count))))
    case .tolerates(let count): members.append(.init("tolerates", .integer(Int128(count))))
    }
    members += [
      .init("options", .object(sharedOptions.map { .init($0.name, $0.optionsJSON) })),
      .init("workload", workload.json),
      .init("probe", ProbeSection.json(probeRate)),
      .init("trace", TimeTraceSection.json(traceEvery)),
      .init("overload", OverloadSection.json(overload)),
      .init("sessionExpiry", .interval(sessionExpiry)),
      .init("network", environment.network.json),
      .init("disk", environment.disk.json),
      .init("cpu", environment.cpu.json),
      .init("clocks", environment.clocks.json),
      .init("faults", faults.json),
      .init("warmUp", .interval(warmUp)),
      .init("duration", .interval(duration)),
      .init("window", .interval(window)),
      .init("slo", .object([.init("latency", .interval(sloLatency))])),
      .init("trials", stopping?.json(most: trials) ?? .integer(Int128(trials))),
      .init("seed", .integer(Int128(seed))),
      .init("check", .string(check.rawValue)),
      .init("expect", .array(expect.map { .string($0) })),
      .init("sweep", sweep.sweepJSON),
    ]
    if let search { members.append(.init("find", search.json)) }
    return .object(members)
  }
}
