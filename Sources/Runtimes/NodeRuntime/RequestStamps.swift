import ClusterMessages
import Replication
import Trials

/// The stamps of traced requests that a node has taken in or answered. Empty, and without a reading
/// of the clock, unless a runner asks for them.
public struct RequestStamps: Sendable {
  /// One in this many operations is traced; 0 for none.
  public var every: UInt64 = 0
  /// When the present turn began, and whether it began because a sync had ended.
  public var turnBegan = Instant.zero
  public var followsSync = false
  /// The requests that the present turn has taken in, with the times when they were read.
  public var taken: [(id: RequestID, at: Instant)] = []
  /// What the next report tells.
  public var waiting: [RequestStamp] = []

  /// Reports come at least once per window. Stamps beyond this are dropped, and their operations
  /// are counted as forgotten.
  public static var most: Int { 1 << 14 }

  public var isOn: Bool { every > 0 }

  public init() {}

  public mutating func beginTurn(at time: Instant) {
    turnBegan = time
    followsSync = false
    // A turn that failed half-way would have left some.
    taken.removeAll(keepingCapacity: true)
  }

  public mutating func noteTaken(_ id: RequestID, at time: Instant) {
    if id.isTraced(oneIn: every) { taken.append((id, time)) }
  }

  /// The node has handled what the turn took in, and has synced.
  public mutating func noteSynced(handledAt middle: Instant, at end: Instant) {
    for (id, begin) in taken {
      add(RequestStamp(id, .taken, begin: begin, middle: middle, end: end))
    }
    taken.removeAll(keepingCapacity: true)
  }

  public mutating func noteAnswered(_ id: RequestID, at time: Instant) {
    guard id.isTraced(oneIn: every) else { return }
    let step = followsSync ? RequestStamp.Step.answeredAfterSync : .answered
    add(RequestStamp(id, step, begin: turnBegan, middle: time, end: time))
  }

  private mutating func add(_ stamp: RequestStamp) {
    if waiting.count < Self.most { waiting.append(stamp) }
  }

  public mutating func takeAll() -> [RequestStamp] {
    var all: [RequestStamp] = []
    swap(&all, &waiting)
    return all
  }
}
