/// Who was in charge at the start of a window.
public struct LeadershipSample: Sendable, Equatable {
  /// Nanoseconds since the trial began.
  public var windowStart: Int64
  /// nil if nobody was, or nobody that the runtime knew of.
  public var leader: Int?
  /// The term, ballot or view that the leader leads.
  public var epoch: UInt64

  public init(windowStart: Int64, leader: Int?, epoch: UInt64) {
    self.windowStart = windowStart
    self.leader = leader
    self.epoch = epoch
  }
}
