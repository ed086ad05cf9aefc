import Clients
import Replication
import Trials

/// Which step led to which, so that a client's latency can be taken apart: from the event that
/// delivered an answer it is followed back, step by step, to when the operation was due.
///
/// A record is the end of a step. It names the record of the step before, and a step lasts from the
/// time of that one to its own time: the steps of an operation therefore add up to its latency. Of
/// several things that a step waited for, the record names the one that let it go on: for a commit
/// the acknowledgement that completed the quorum.
///
/// Records are kept in a ring. Tracing changes no event, no time and no random number.
public struct CauseTrace: Sendable {
  public struct Record: Sendable {
    public var time: Instant
    /// The record of the step before in the upper bits, then 16 bits for the place, then four for
    /// the part.
    public var word: Int64

    public init(time: Instant, parent: Int, place: Int, part: Int) {
      self.time = time
      word = Int64(parent) << 20 | Int64(place & 0xffff) << 4 | Int64(part)
    }

    public var parent: Int { Int(word >> 20) }
    /// The node at which the step ended; `CauseTrace.outside` for a client.
    public var place: Int { Int(word >> 4 & 0xffff) }
    public var part: Int { Int(word & 15) }
  }

  /// An operation that is traced and not answered yet.
  public struct OpenOperation: Sendable {
    public var sequence: UInt64
    public var firstSent: Instant
    /// The records of its attempts.
    public var attempts: [Int] = []
    /// In which turns nodes took it in, and the records of its arrivals there.
    public var turns: [(turn: Int, arrival: Int)] = []

    public init(sequence: UInt64, firstSent: Instant) {
      self.sequence = sequence
      self.firstSent = firstSent
    }
  }

  /// At 16 bytes each, 32 MiB.
  public static var capacity: Int { 1 << 21 }
  public static var none: Int { -1 }
  /// The place of steps that end at a client, or nowhere.
  public static var outside: Int { 0xffff }

  public private(set) var isOn = false
  /// One in this many operations is traced.
  public private(set) var every: UInt64 = 1
  public var records: [Record] = []
  public var count = 0
  /// By the event's slot in the queue.
  public var recordOfSlot: [Int] = []
  /// The record of what happens now.
  public var current = CauseTrace.none
  public var open: [ClientID: OpenOperation] = [:]
  public var trace = TimeTrace()

  public init() {}

  public mutating func begin(every: Int) {
    isOn = true
    self.every = UInt64(max(every, 1))
  }

  /// - Parameter place: the node at which the step ended.
  /// - Returns: the number of the new record.
  public mutating func add(
    _ part: LatencyPart, after parent: Int, at time: Instant, on place: Int = CauseTrace.outside
  ) -> Int {
    let record = Record(time: time, parent: parent, place: place, part: part.index)
    if records.count < Self.capacity {
      records.append(record)
    } else {
      records[count & (Self.capacity - 1)] = record
    }
    count += 1
    return count - 1
  }

  public func record(_ number: Int) -> Record? {
    guard number >= 0, number >= count - Self.capacity else { return nil }
    return records[number & (Self.capacity - 1)]
  }

  public func time(of number: Int) -> Instant { record(number)?.time ?? .zero }

  /// Another input of a turn turns out to be the one that led to what follows.
  public mutating func replaceParent(of number: Int, by parent: Int) {
    guard let old = record(number) else { return }
    records[number & (Self.capacity - 1)] = Record(
      time: old.time, parent: parent, place: old.place, part: old.part)
  }

  /// The event that is about to be put into this slot of the queue ends such a step.
  public mutating func link(slot: Int, _ number: Int) {
    if slot >= recordOfSlot.count {
      recordOfSlot += Array(repeating: Self.none, count: slot + 1 - recordOfSlot.count)
    }
    recordOfSlot[slot] = number
  }

  // MARK: Operations

  public func traces(_ id: RequestID) -> Bool {
    id.isTraced(oneIn: every)
  }

  public mutating func noteAttempt(_ id: RequestID, at time: Instant, record: Int) {
    if open[id.client]?.sequence != id.sequence {
      open[id.client] = OpenOperation(sequence: id.sequence, firstSent: time)
    }
    open[id.client]?.attempts.append(record)
  }

  public mutating func noteTaken(_ id: RequestID, inTurn turn: Int, arrival: Int) {
    guard open[id.client]?.sequence == id.sequence else { return }
    open[id.client]?.turns.append((turn, arrival))
  }

  /// An operation has been answered by the event that happens now.
  /// - Parameter isMeasured: false if it is no part of the results.
  public mutating func finish(
    _ id: RequestID, isRead: Bool, due: Instant, isMeasured: Bool
  ) {
    guard let operation = open[id.client], operation.sequence == id.sequence else { return }
    open[id.client] = nil
    guard isMeasured else { return }
    guard let steps = steps(of: operation, since: due) else {
      trace.forgotten += 1
      return
    }
    trace.operations.append(
      OperationBreakdown(isRead: isRead, dueNs: due.nanoseconds, steps: steps))
  }

  /// Follows the causes of what happens now back to when the operation was due.
  /// - Returns: the steps, the last one first; `nil` if some of them have been forgotten.
  private func steps(of operation: OpenOperation, since due: Instant) -> [LatencyStep]? {
    var steps: [LatencyStep] = []
    var number = current
    var end = time(of: number)
    while end > due {
      guard let step = record(number) else { return nil }
      if operation.attempts.contains(number) {
        let first = max(operation.firstSent, due)
        steps.append(LatencyStep(part: LatencyPart.retry.index, length: end - first))
        steps.append(LatencyStep(part: LatencyPart.sending.index, length: first - due))
        return steps
      }
      let arrival = operation.turns.last { $0.turn == number }?.arrival
      let parent = arrival ?? step.parent
      let before = record(parent)
      guard parent < 0 || before != nil else { return nil }
      let begin = max(before?.time ?? due, due)
      precondition(begin <= end, "a step ends before the one that led to it")
      steps.append(
        LatencyStep(
          part: step.part, length: end - begin,
          node: step.place == Self.outside ? nil : step.place))
      guard parent >= 0 else { return steps }
      (number, end) = (parent, begin)
    }
    return steps
  }
}
