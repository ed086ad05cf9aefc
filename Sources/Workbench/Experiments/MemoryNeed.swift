import Clients
import Configuration
import Environments
import Faults
import ProtocolList
import Replication
import Workloads

/// What memory a run needs at most: its largest trial, as many times as trials run at once.
public struct MemoryNeed: Sendable, Equatable {
  /// Of the largest trial, in operations of its history.
  public var operations: Double
  public var trialByteCount: Double
  /// What the largest trial needs for sure. In a closed loop, whose clients are answered as fast as
  /// the protocols can, that is a part of what it may need.
  public var certainTrialByteCount: Double
  public var trialsAtOnce: Int

  public var byteCount: Double { trialByteCount * Double(trialsAtOnce) }

  /// What is worth a line: from 1 GB on.
  public var isLarge: Bool { byteCount >= 1e9 }

  /// In one line.
  public var description: String {
    let operations =
      operations >= 1e6
      ? "\(MemoryNeed.tenths(operations / 1e6)) million" : "\(Int(operations))"
    let trial =
      "a trial with up to \(operations) operations needs up to \(MemoryNeed.text(trialByteCount))"
    guard trialsAtOnce > 1 else { return trial }
    return "\(trial), \(trialsAtOnce) at a time \(MemoryNeed.text(byteCount))"
  }

  /// - Parameter available: what the machine has, in bytes.
  /// - Throws: the machine has less than the run needs.
  public func check(against available: Double, file: String) throws(ExperimentError) {
    guard certainTrialByteCount * Double(trialsAtOnce) > available else { return }
    throw ExperimentError(
      file: file, path: "duration", found: description,
      allowed: "up to the \(MemoryNeed.text(available)) of this machine: a shorter duration, "
        + "fewer operations a second, or fewer --jobs")
  }

  public static func text(_ bytes: Double) -> String {
    bytes >= 1e9 ? "\(tenths(bytes / 1e9)) GB" : "\(tenths(bytes / 1e6)) MB"
  }

  private static func tenths(_ value: Double) -> String {
    value < 1e12 ? "\((value * 10).rounded() / 10)" : "\(value)"
  }
}

extension ExperimentPlan {
  /// - Parameter jobs: how many trials may run at a time.
  public func memoryNeed(jobs: Int) -> MemoryNeed {
    let trials = points.reduce(0) { $0 + $1.experiment.contenders.count * $1.experiment.trials }
    var need = MemoryNeed(
      operations: 0, trialByteCount: 0, certainTrialByteCount: 0,
      trialsAtOnce: max(1, min(jobs, trials)))
    for point in points {
      // A search may end at its first values, long before the points that need most.
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
  /// Of the history and all that a trial keeps beside it for each operation, without the values:
  /// what `rsmbench bench` measures as `memory.trial.*`.
  private static var bytesPerOperation: Double { 150 }
  /// A record in the log of a node that may have to read it again.
  private static var bytesPerRecord: Double { 48 }
  /// A key of a store, its value left out.
  private static var bytesPerKey: Double { 150 }

  /// The operations that a trial can have at most: those that come due in an open loop, and in a
  /// closed one those that its clients can ask for one after the other.
  var operationBound: Double {
    let seconds = Double(duration.nanoseconds) / 1e9
    let probes = 2 * (probeRate ?? 0) * seconds
    switch workload.arrival {
    case .open(let rate, _): return probes + rate * seconds
    case .varying(let curve, _): return probes + curve.count(until: duration)
    // Real machines are not known well enough to bound what their clients can do.
    case .closed where runtime == .cluster: return probes
    case .closed: return probes + closedLoopRate * seconds
    }
  }

  var trialByteBound: Double {
    let operations = operationBound
    var perOperation = Experiment.bytesPerOperation
    var stored = 0.0
    // Real nodes have memory of their own, and a limit to what they keep in it.
    if runtime == .simulation {
      let value = Double(workload.valueSize)
      let replicas = Double(protocols.map(\.replicas).max() ?? 1)
      perOperation +=
        workload.mix.share {
          $0.put + $0.append + $0.compareAndSwap + $0.insert
            + $0.readModifyWrite
        } * value
      if mayCrash {
        perOperation += workload.mix.writeShare * replicas * Experiment.bytesPerRecord
      }
      // What is appended stays in the store of each replica; what is put replaces what was there.
      perOperation += workload.mix.share(\.append) * replicas * value
      stored = Double(workload.keys) * replicas * (value + Experiment.bytesPerKey)
    }
    return operations * perOperation + stored
  }

  /// The bound of a closed loop has been up to three times what trials needed.
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

  /// Operations per second that the clients of a closed loop can ask for at most: each waits for
  /// its nearest replica and thinks, writes wait for a disk, and one processor and one interface
  /// receive or answer them all.
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
    // The head of a chain receives what its tail answers.
    let messages = protocols.contains { $0.kind == .chainReplication } ? 1.0 : 2.0
    let cpu = environment.cpu
    let written = workload.mix.writeShare * Double(workload.valueSize)
    let work =
      messages * Double(cpu.perMessage.nanoseconds) + Double(cpu.apply.nanoseconds)
      + written * Double(cpu.perByte.nanoseconds)
    rate = min(rate, 1e9 / max(work, 1))
    if let nic = environment.network.nic, written > 0 { rate = min(rate, nic / 8 / written) }
    return rate
  }
}

extension OperationMix {
  /// The share that these kinds have of all operations. A read-modify-write is two.
  func share(_ weight: (OperationMix) -> Double) -> Double {
    let all =
      get + put + delete + append + compareAndSwap + insert + 2 * readModifyWrite
    return all > 0 ? weight(self) / all : 0
  }

  var writeShare: Double { 1 - share { $0.get + $0.readModifyWrite } }
}
