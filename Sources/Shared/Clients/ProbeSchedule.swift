import Primitives
import Replication

/// When probes come due, and the clients that send them: small reads and writes on keys of their
/// own, in an open loop beside the load. They see an outage of reads or of writes as finely as they
/// follow each other, whatever the load does: a closed loop asks nobody once all its clients wait.
public struct ProbeSchedule<Application: StateMachine>: Sendable {
  public typealias Fleet = ClientFleet<Application>

  /// A probe that waits for longer is given up, so that a long outage does not pile them up.
  public static var patience: Interval { .seconds(2) }

  public var fleet: Fleet
  /// Nanoseconds between a read and the write after it, and the other way round.
  public let gapNs: Double
  /// When the first probe comes due, in nanoseconds.
  public let firstNs: Double
  /// Probes that have come due.
  public var count = 0
  /// Clients there are from the start. They take turns, so that all know how long answers take.
  public static var regulars: Int { 16 }
  /// Idle regular clients; the first one begins next.
  public var idle: [Int] = []
  /// Idle clients that were made while the regular ones waited.
  public var spare: [Int] = []

  /// - Parameters:
  ///   - rate: reads per second, and writes per second.
  ///   - firstID: the identity of client 0 of the load.
  public init(rate: Double, replicas: [ReplicaID], firstID: UInt64, seed: UInt64) {
    gapNs = 1e9 / (2 * rate)
    var random = RandomStream(seed: seed, purpose: .probes)
    firstNs = random.unit() * gapNs
    fleet = Fleet(
      count: Self.regulars, replicas: replicas, timeout: Self.patience,
      firstID: firstID + UInt64(ClientNumbers.firstProbe), isProbing: true)
    idle = Array(fleet.machines.indices)
  }

  /// When the next probe comes due.
  public var nextDue: Instant {
    Instant(nanoseconds: Int64(firstNs + Double(count) * gapNs))
  }

  /// Half of the probes are reads.
  public var nextIsRead: Bool { count % 2 == 0 }
}

// MARK: Open to the optimiser only

extension ClientDriver {
  public mutating func scheduleProbe(
    in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    guard let due = probes?.nextDue, due < end else { return }
    runtime.schedule(.probeDue, at: due)
  }

  public mutating func beginProbe(
    at now: Instant, in runtime: inout (some ClientRuntime<Application> & ~Copyable)
  ) {
    guard phase == .driving, let due = probes?.nextDue, let isRead = probes?.nextIsRead else {
      return
    }
    let client =
      probes!.idle.isEmpty
      ? probes!.spare.popLast() ?? probes!.fleet.add() : probes!.idle.removeFirst()
    let sequence = probes!.fleet.machines[client].nextSequence
    guard
      let command = load.beginProbe(
        client: client, sequence: sequence, isRead: isRead, due: due - .zero, at: now - .zero)
    else { return }
    probes!.fleet.begin(command, by: client, due: due, at: now, in: &runtime)
    probes!.count += 1
    scheduleProbe(in: &runtime)
  }

  public mutating func endProbe(_ ending: consuming Fleet.Ending?, at now: Instant) {
    guard let ending else { return }
    if ending.client < ProbeSchedule<Application>.regulars {
      probes!.idle.append(ending.client)
    } else {
      probes!.spare.append(ending.client)
    }
    load.endProbe(
      client: ending.client, outcome: ending.outcome, attempts: ending.attempts, at: now - .zero)
  }
}
