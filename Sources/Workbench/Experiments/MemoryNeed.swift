import Clients
import Configuration
import Environments
import Faults
import ProtocolList
import Replication
import Workloads

/// The most memory that a run needs: its largest trial times the number of trials at once.
package struct MemoryNeed: Sendable, Equatable {
  /// The operations in the history of the largest trial.
  package var operations: Double
  package var trialByteCount: Double
  /// The least memory that the largest trial needs. In a closed loop it is a part of
  /// `trialByteCount`, because the number of operations depends on how fast the protocols answer.
  package var certainTrialByteCount: Double
  package var trialsAtOnce: Int

  package var byteCount: Double { trialByteCount * Double(trialsAtOnce) }

  /// Whether the need is worth a line of output: 1 GB or more.
  package var isLarge: Bool { byteCount >= 1e9 }

  /// One line of text.
  package var description: String {
    let operations =
      operations >= 1e6
      ? "\(MemoryNeed.tenths(operations / 1e6)) million" : "\(Int(operations))"
    let trial =
      "a trial with up to \(operations) operations needs up to \(MemoryNeed.text(trialByteCount))"
    guard trialsAtOnce > 1 else { return trial }
    return "\(trial), \(trialsAtOnce) at a time \(MemoryNeed.text(byteCount))"
  }

  /// - Parameter available: the machine's memory in bytes.
  /// - Throws: if the machine has less memory than the run needs.
  package func check(against available: Double, file: String) throws(ExperimentError) {
    guard certainTrialByteCount * Double(trialsAtOnce) > available else { return }
    throw ExperimentError(
      file: file, path: "duration", found: description,
      allowed: "up to the \(MemoryNeed.text(available)) of this machine: a shorter duration, "
        + "fewer operations a second, or fewer --jobs")
  }

  package static func text(_ bytes: Double) -> String {
    bytes >= 1e9 ? "\(tenths(bytes / 1e9)) GB" : "\(tenths(bytes / 1e6)) MB"
  }

  private static func tenths(_ value: Double) -> String {
    value < 1e12 ? "\((value * 10).rounded() / 10)" : "\(value)"
  }
}

extension ExperimentPlan {
  /// - Parameter jobs: the number of trials that may run at once.
  package func memoryNeed(jobs: Int) -> MemoryNeed {
    let trials = points.reduce(0) { $0 + $1.experiment.contenders.count * $1.experiment.trials }
    var need = MemoryNeed(
      operations: 0, trialByteCount: 0, certainTrialByteCount: 0,
      trialsAtOnce: max(1, min(jobs, trials)))
    for point in points {
      // A search may end at its first values, long before the points with the largest need.
      if experiment.search == nil {
        need.certainTrialByteCount = max(
          need.certainTrialByteCount, point.experiment.certainTrialByteCount)
      }
      let bytes = point.experiment.trialByteBound
      guard bytes > need.trialByteCount else { continue }
      need.trialByteCount = bytes
      need.operations = point.experiment.operationBound
    }
    return need
  }
}

extension Experiment {
  /// The bytes of the history and of all other data that a trial keeps per operation, without the
  /// values; `rsmbench bench` measures them as `memory.trial.*`.
  private static var bytesPerOperation: Double { 150 }
  /// A value that a scan saw, in the history and in the check of it.
  private static var bytesPerScannedKey: Double { 12 }
  /// A record in the log of a node that may have to read it again.
  private static var bytesPerRecord: Double { 48 }
  /// What is kept of a traced operation, and the ring of steps.
  private static var bytesPerTracedOperation: Double { 160 }
  private static var bytesOfTrace: Double { 32 * 1024 * 1024 }
  /// A key of a store, without its value.
  private static var bytesPerKey: Double { 150 }

  /// The most operations that a trial can have: in an open loop those that come due, in a closed
  /// loop those that its clients can send one after the other.
  var operationBound: Double {
    let seconds = Double(duration.nanoseconds) / 1e9
    let probes = 2 * (probeRate ?? 0) * seconds
    switch workload.arrival {
    case .open(let rate, _): return probes + rate * seconds
    case .varying(let curve, _): return probes + curve.count(until: duration)
    // Too little is known of real machines to bound the rate of their clients.
    case .closed where runtime == .cluster: return probes
    case .closed: return probes + closedLoopRate * seconds
    }
  }

  var trialByteBound: Double {
    let operations = operationBound
    var perOperation = Experiment.bytesPerOperation
    var stored = 0.0
    // Real nodes have their own memory, and limit what they keep in it.
    if runtime == .simulation {
      let value = workload.meanValueSize
      let replicas = Double(protocols.map(\.replicas).max() ?? 1)
      perOperation +=
        workload.mix.share {
          $0.put + $0.append + $0.compareAndSwap + $0.insert
            + $0.readModifyWrite
        } * value
      if mayCrash {
        perOperation += workload.mix.writeShare * replicas * Experiment.bytesPerRecord
      }
      // Appended bytes stay in the store of each replica; a put replaces the earlier value.
      perOperation += workload.mix.share(\.append) * replicas * value
      stored = Double(workload.keys) * replicas * (value + Experiment.bytesPerKey)
    }
    perOperation +=
      workload.mix.share(\.scan) * workload.scanLength.mean * Experiment.bytesPerScannedKey
    if let traceEvery {
      perOperation += Experiment.bytesPerTracedOperation / Double(traceEvery)
      stored += Experiment.bytesOfTrace
    }
    return operations * perOperation + stored
  }

  /// In closed loops the bound has been up to three times the need of the trials.
  var certainTrialByteCount: Double {
    switch workload.arrival {
    case .open, .varying: trialByteBound
    case .closed: trialByteBound / 3
    }
  }

  private var mayCrash: Bool {
    faults.timed.contains { if case .crash = $0.action { true } else { false } }
      || faults.chaos.contains { $0.kinds.contains(.crash) }
  }

  /// The most operations per second that the clients of a closed loop can send: each client waits
  /// for its nearest replica and thinks, writes wait for a disk, and one processor and one
  /// interface receive or answer all operations.
  private var closedLoopRate: Double {
    let disk = environment.disk.sync.map { Double($0.typical.nanoseconds) } ?? 0
    let pause = Double(workload.thinkTime.nanoseconds) + workload.mix.writeShare * disk
    let replicas = protocols.map(\.replicas).max() ?? 1
    var rate = 0.0
    for client in 0..<workload.clients {
      let roundTrip = environment.network.shortestRoundTrip(client: client, replicas: replicas)
      // A client begins no operation in the nanosecond in which its last one was answered.
      rate += 1e9 / max(Double(roundTrip.nanoseconds) + pause, 1)
    }
    // In a chain the head receives requests and the tail answers them, so no node does both.
    let messages = protocols.contains { $0.kind == .chainReplication } ? 1.0 : 2.0
    let cpu = environment.cpu
    let written = workload.mix.writeShare * workload.meanValueSize
    // Scans that begin near the last key, or find no values, have shorter answers.
    let scanned =
      workload.preload
      ? workload.mix.share(\.scan) * min(workload.scanLength.mean, Double(workload.keys)) / 2
        * workload.meanValueSize : 0
    let work =
      messages * Double(cpu.perMessage.nanoseconds) + Double(cpu.apply.nanoseconds)
      + max(written, scanned) * Double(cpu.perByte.nanoseconds)
    rate = min(rate, 1e9 / max(work, 1))
    let moved = max(written, scanned)
    if let nic = environment.network.nic, moved > 0 { rate = min(rate, nic / 8 / moved) }
    return rate
  }
}

extension OperationMix {
  /// The share of these kinds in all operations. A read-modify-write counts as two.
  func share(_ weight: (OperationMix) -> Double) -> Double {
    let all =
      get + put + delete + append + compareAndSwap + insert + scan + 2 * readModifyWrite
    return all > 0 ? weight(self) / all : 0
  }

  var writeShare: Double { 1 - share { $0.get + $0.scan + $0.readModifyWrite } }
}
