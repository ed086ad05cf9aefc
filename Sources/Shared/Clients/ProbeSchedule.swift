import Primitives
import Replication

/// The times at which probes come due, and the clients that send them. Probes are small reads and
/// writes on separate keys, in an open loop in addition to the load. They measure an outage of
/// reads or of writes with the resolution of their interval, independent of the load: a closed loop
/// sends no requests while all its clients wait.
public struct ProbeSchedule<Application: StateMachine>: Sendable {
  public typealias Fleet = ClientFleet<Application>

  /// A probe that waits longer is given up, so that probes do not pile up in a long outage.
  public static var patience: Interval { .seconds(2) }

  public var fleet: Fleet
  /// Nanoseconds between a probe and the next one; reads and writes alternate.
  public let gapNs: Double
  /// When the first probe comes due, in nanoseconds.
  public let firstNs: Double
  /// The number of probes that have come due.
  public var count = 0
  /// The number of clients at the start. They take turns, so that all of them measure round trips.
  public static var regulars: Int { 16 }
  /// Idle regular clients; the first one begins next.
  public var idle: [Int] = []
  /// Idle clients that were created while the regular ones waited.
  public var spare: [Int] = []

  /// - Parameters:
  ///   - rate: the number of reads per second, and of writes per second.
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

  /// Whether the next probe is a read; reads and writes alternate.
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
