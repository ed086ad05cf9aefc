import Primitives
import Replication

/// The clients of a trial: their machines, who is free, and what comes due. Both runtimes drive the same
/// floor; only what time is differs.
public struct ClientFloor<Application: StateMachine>: Sendable {
  public var machines: [ClientMachine<Application>]
  /// Time of each client's earliest scheduled wake-up; `Int64.max` is none.
  public var wakeScheduled: [Int64]
  /// Idle clients of an open loop, and where the next one is taken.
  public var free: [Int] = []
  /// When operations came due that still wait for a free client; the first is at `nextDue`.
  public var dueTimes: [Int64] = []
  public var nextDue = 0
  /// When the last operation of an open loop came due, in fractions of a nanosecond.
  public var lastArrival = 0.0
  /// For arrivals alone, so that they are the same whatever the cluster does.
  public var random: RandomStream

  // Kept here beside what they govern: reading them through the trial's setup would copy all of it.
  public let firstID: UInt64
  public let arrival: Arrival
  public let timeout: Int64
  public let thinkTime: Int64

  /// - Parameters:
  ///   - firstID: the client of number 0; the others follow.
  ///   - resends: see `ClientMachine`.
  public init(
    count: Int, replicas: [ReplicaID], arrival: Arrival, timeout: Interval, thinkTime: Interval,
    random: RandomStream, firstID: UInt64 = 0, resends: Bool = true
  ) {
    self.firstID = firstID
    self.arrival = arrival
    self.timeout = timeout.nanoseconds
    self.thinkTime = thinkTime.nanoseconds
    self.random = random
    machines = (0..<count).map {
      ClientMachine(
        id: ClientID(firstID + UInt64($0)), replicas: replicas, timeout: timeout,
        resends: resends)
    }
    wakeScheduled = Array(repeating: .max, count: count)
  }

  /// When a client wants to be woken. Read where it lies: an array hands out whole elements, and a machine is a
  /// large one to copy for each operation.
  public func wakeTime(of client: Int) -> Int64? {
    machines.withUnsafeBufferPointer { $0[client].wakeAt?.nanoseconds }
  }

  /// When each client of a closed loop begins: spread over a millisecond, so that clients do not march
  /// in step.
  public mutating func firstBegin() -> Int64 { Int64(random.below(1_000_000)) }

  /// When the next operation of an open loop comes due; `nil` behind the trial's end.
  public mutating func nextArrival(before end: Int64) -> Int64? {
    guard case .open(let rate, let process) = arrival else { return nil }
    let mean = 1e9 / rate
    let gap =
      switch process {
      case .constant: mean
      case .poisson: -mean * RealFunctions.log(1 - random.unit())
      }
    lastArrival += gap
    guard lastArrival < Double(end) else { return nil }
    return Int64(lastArrival)
  }

  /// What a client does that has just become idle.
  public enum NextStep: Sendable {
    /// It begins an operation that came due then, or now.
    case begin(due: Int64)
    case think(until: Int64)
    case rest
  }

  /// - Parameter dropped: gets the times of operations that came due too long ago.
  public mutating func nextStep(
    of client: Int, at now: Int64, dropped: (Int64) -> Void
  ) -> NextStep {
    guard case .open = arrival else {
      return thinkTime > 0 ? .think(until: now + thinkTime) : .begin(due: now + 1)
    }
    while nextDue < dueTimes.count {
      let due = dueTimes[nextDue]
      nextDue += 1
      if due + timeout > now { return .begin(due: due) }
      dropped(due)
    }
    dueTimes.removeAll(keepingCapacity: true)
    nextDue = 0
    free.append(client)
    return .rest
  }

  /// The trial is over: when what was never begun came due.
  public var neverBegun: ArraySlice<Int64> { dueTimes[nextDue...] }
}
