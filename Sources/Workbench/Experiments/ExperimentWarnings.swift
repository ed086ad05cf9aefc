import Clients
import Configuration
import Environments
import Faults
import ProtocolList
import Replication
import Workloads

/// A warning about a valid value that is probably a mistake: the experiment runs, but its numbers
/// may not mean what they seem to.
package struct ExperimentWarning: Sendable, Hashable, CustomStringConvertible {
  /// The place in the file, as in errors.
  package var path: String
  /// The value found, and why it is doubtful.
  package var text: String

  package var description: String { "\(path): \(text)" }
}

extension ExperimentPlan {
  /// All warnings, each once, in the order of the points. A warning that only some sweep points
  /// give names the first of them.
  package var warnings: [ExperimentWarning] {
    var first: [ExperimentWarning: Int] = [:]
    var counts: [ExperimentWarning: Int] = [:]
    var order: [ExperimentWarning] = []
    for (index, point) in points.enumerated() {
      for warning in Set(point.experiment.warnings).sorted(by: { $0.description < $1.description })
      {
        counts[warning, default: 0] += 1
        if first[warning] == nil {
          first[warning] = index
          order.append(warning)
        }
      }
    }
    return order.map { warning in
      guard counts[warning] != points.count, let index = first[warning] else { return warning }
      let place = points[index].values.map { "\($0.path) = \($0.text)" }.joined(separator: ", ")
      return ExperimentWarning(path: warning.path, text: "\(warning.text) (with \(place))")
    }
  }
}

extension Experiment {
  /// The warnings of an experiment without a sweep.
  var warnings: [ExperimentWarning] {
    var list = sizeWarnings + timeWarnings + faultWarnings
    // The round trips of a real network are not known in advance.
    if runtime == .simulation { list += timerWarnings + clientWarnings }
    return list
  }

  private var sizeWarnings: [ExperimentWarning] {
    var list: [ExperimentWarning] = []
    // Only majorities gain nothing from an even number.
    for choice in protocols
    where choice.kind.description.replicasPerFailure == 2 && choice.replicas % 2 == 0 {
      let count = choice.replicas
      list.append(
        ExperimentWarning(
          path: pathOfReplicas(choice),
          text:
            "\(count) replicas have majorities of \(count / 2 + 1), so protocols that need one survive "
            + "no more failures than with \(count - 1)"))
    }
    if contenders.count > 1, trials < 3 {
      list.append(
        ExperimentWarning(
          path: "trials",
          text: "with \(trials) of them no difference can be told from chance; compare at least 3, "
            + "better 5"))
    }
    return list
  }

  private var timeWarnings: [ExperimentWarning] {
    var list: [ExperimentWarning] = []
    if workload.timeout > duration {
      list.append(
        ExperimentWarning(
          path: "workload.timeout",
          text:
            "\(workload.timeout) is longer than a trial (\(duration)), so no operation is given up")
      )
    }
    if let trace = workload.trace {
      let late = trace.times.count { $0 >= .zero + duration }
      if late > 0 {
        list.append(
          ExperimentWarning(
            path: "workload.trace",
            text: "\(late) of \(trace.times.count) operations come due after the trial's end "
              + "(\(duration)) and are left out"))
      }
      let measured = trace.times.contains { $0 >= .zero + warmUp && $0 < .zero + duration }
      if !measured {
        list.append(
          ExperimentWarning(
            path: "workload.trace",
            text:
              "no operation comes due between the end of the warm-up (\(warmUp)) and the trial's "
              + "end (\(duration)), so nothing is measured"))
      }
    }
    // A trial on real nodes begins only when a node is in charge, so no warm-up is needed for that.
    for choice in protocols where runtime == .simulation {
      for (name, wait) in waits(of: choice) where warmUp < wait.upperBound {
        list.append(
          ExperimentWarning(
            path: "warmUp",
            text:
              "\(warmUp) is shorter than \(path(of: name, choice)) (\(wait.upperBound)), so the "
              + "first election may fall into what is measured"))
      }
    }
    return list
  }

  private var faultWarnings: [ExperimentWarning] {
    let spared = protocols.filter {
      $0.kind.membership(replicas: $0.replicas).authority.isEmpty
    }.map(\.name)
    let untouched = faults.timed.enumerated().compactMap { index, fault -> ExperimentWarning? in
      guard fault.action.target?.needsAuthority ?? false, !spared.isEmpty else { return nil }
      return ExperimentWarning(
        path: "faults[\(index)]",
        text: "hits nothing in \(spared.joined(separator: ", ")): there is no authority")
    }
    return untouched + early + earlyChaos
  }

  private var earlyChaos: [ExperimentWarning] {
    faults.chaos.filter { $0.from < warmUp }.map { chaos in
      ExperimentWarning(
        path: "faults",
        text:
          "chaos begins at \(chaos.from), in the warm-up (\(warmUp)), so what its first faults do is "
          + "measured in part or not at all")
    }
  }

  private var early: [ExperimentWarning] {
    faults.timed.enumerated().compactMap { index, fault in
      guard fault.at < warmUp else { return nil }
      return ExperimentWarning(
        path: "faults[\(index)].at",
        text:
          "\(fault.at) lies in the warm-up (\(warmUp)), so what it does is measured in part or not "
          + "at all")
    }
  }

  /// Compares a protocol's timeouts with the round trips between its nodes.
  private var timerWarnings: [ExperimentWarning] {
    var list: [ExperimentWarning] = []
    for choice in protocols {
      let roundTrip = environment.network.longestRoundTrip(
        of: choice.kind.membership(replicas: choice.replicas))
      for (name, wait) in waits(of: choice) where wait.lowerBound < roundTrip * 2 {
        list.append(
          ExperimentWarning(
            path: path(of: name, choice),
            text:
              "\(wait.lowerBound) is too short for round trips of \(text(roundTrip)): healthy replicas "
              + "will be given up; take at least \(text(roundTrip * 2))"))
      }
      list += sendingWarnings(of: choice)
    }
    return list
  }

  /// Compares a protocol's timeouts with the time in which one replica sends a value to all others.
  /// Heartbeats to a replica wait for the values on the same connection. The pings of protocols
  /// with an authority do not, because no values are sent to the authority.
  private func sendingWarnings(of choice: ProtocolChoice) -> [ExperimentWarning] {
    guard let rate = environment.network.nic, !choice.kind.description.needsAuthority else {
      return []
    }
    let bits = workload.meanValueSize * 8 * Double(choice.replicas - 1)
    let sending = Interval.nanoseconds(Int64(min(bits / rate, 1e6) * 1e9))
    return waits(of: choice).filter { $0.wait.lowerBound < sending * 2 }.map { name, wait in
      ExperimentWarning(
        path: path(of: name, choice),
        text:
          "\(wait.lowerBound) is too short for these values and this network.nic: sending one to "
          + "all other replicas takes \(text(sending)), and heartbeats wait for it; take at least "
          + "\(text(sending * 2))")
    }
  }

  /// The place in the file where an option of a row is, or could be, set.
  private func path(of option: String, _ choice: ProtocolChoice) -> String {
    if choice.ownOptions.contains(where: { $0.name == option }),
      let row = protocols.firstIndex(of: choice)
    {
      return "protocols[\(row)].options.\(option)"
    }
    return "options.\(choice.kind.name).\(option)"
  }

  /// The place in the file where the number of a row's replicas is, or could be, set.
  private func pathOfReplicas(_ choice: ProtocolChoice) -> String {
    if choice.ownReplicas != nil, let row = protocols.firstIndex(of: choice) {
      return "protocols[\(row)].replicas"
    }
    return "replicas"
  }

  /// Compares the clients' timeouts with their round trips.
  private var clientWarnings: [ExperimentWarning] {
    let replicas = protocols.map(\.replicas).max() ?? 1
    // An open loop adds clients, also at places where none is at the start.
    let roundTrip = environment.network.longestRoundTrip(
      clients: workload.arrival.isOpen ? .max : workload.clients, replicas: replicas)
    var list: [ExperimentWarning] = []
    if workload.timeout < roundTrip {
      list.append(
        ExperimentWarning(
          path: "workload.timeout",
          text:
            "\(workload.timeout) is shorter than the round trip of some clients (\(text(roundTrip))), "
            + "which can get no answer"))
    }
    if case .fixed(let patience) = workload.patience, patience < roundTrip {
      list.append(
        ExperimentWarning(
          path: "workload.patience",
          text:
            "\(patience) is shorter than the round trip of some clients (\(text(roundTrip))), which send "
            + "each request again although its answer is on the way; take more than "
            + "\(text(roundTrip)), or \"adaptive\""))
    }
    if sloLatency < roundTrip {
      list.append(
        ExperimentWarning(
          path: "slo.latency",
          text:
            "\(sloLatency) is shorter than the round trip of some clients (\(text(roundTrip))), so that "
            + "they never count as served; take more than \(text(roundTrip))"))
    } else if let write = shortestWrite, sloLatency < write {
      list.append(
        ExperimentWarning(
          path: "slo.latency",
          text:
            "\(sloLatency) is shorter than a write takes (\(text(write)): a client's round trip and one "
            + "between replicas), so that writes never count as served; take more than \(text(write))"
        ))
    }
    return list
  }

  /// The shortest time of a replicated write, where all links have the same latency; `nil`
  /// otherwise, because the time then depends on which replicas a protocol asks, and without
  /// replicated writes. With two replicas it may be less, because a tail answers the client itself.
  private var shortestWrite: Interval? {
    let mix = workload.mix
    let writes = [
      mix.put, mix.delete, mix.append, mix.compareAndSwap, mix.insert, mix.readModifyWrite,
    ]
    let network = environment.network
    guard network.places == nil, writes.contains(where: { $0 > 0 }),
      protocols.contains(where: { $0.replicas > 2 })
    else { return nil }
    return network.longestRoundTrip(clients: 1, replicas: 1) + network.latency.typical * 2
  }

  /// Rounds a round trip up to a tenth of a millisecond, because more digits are hard to read.
  private func text(_ interval: Interval) -> String {
    let tenths = (interval.nanoseconds + 99_999) / 100_000
    return tenths < 10 ? interval.description : "\(Double(tenths) / 10)ms"
  }

  /// The times, by option, after which others act on a replica's silence.
  private func waits(of choice: ProtocolChoice) -> [(name: String, wait: ClosedRange<Interval>)] {
    // A single replica waits for no other.
    guard choice.replicas > 1 else { return [] }
    return choice.kind.options.compactMap { declaration in
      guard declaration.awaitsSignOfLife else { return nil }
      switch choice.options[declaration.name] {
      case .interval(let value): return (declaration.name, value...value)
      case .intervalRange(let range): return (declaration.name, range)
      default: return nil
      }
    }
  }
}
