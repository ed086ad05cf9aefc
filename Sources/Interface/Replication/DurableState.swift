/// The part of a core's state that its records can rebuild: its promises and its log. A core that
/// is recovered from all records of another core has the same durable state.
public struct DurableState: Equatable, Sendable {
  public struct Entry: Equatable, Sendable {
    /// The term, ballot or view in which the entry was written.
    public var epoch: UInt64
    public var batch: Batch

    public init(epoch: UInt64, batch: Batch) {
      self.epoch = epoch
      self.batch = batch
    }
  }

  /// The promises by name, such as `term`, `promised` or `view`.
  public var numbers: [String: UInt64]
  public var log: [Entry]

  public init(numbers: [String: UInt64] = [:], log: [Entry] = []) {
    self.numbers = numbers
    self.log = log
  }

  /// The first thing in which another state differs from this one; `nil` if they are equal.
  public func difference(from other: DurableState) -> String? {
    for name in Set(numbers.keys).union(other.numbers.keys).sorted() {
      let (mine, theirs) = (numbers[name], other.numbers[name])
      if mine != theirs {
        return "\(name) is \(mine.map(String.init) ?? "absent"), not "
          + (theirs.map(String.init) ?? "absent")
      }
    }
    if log.count != other.log.count {
      return "the log has \(log.count) entries, not \(other.log.count)"
    }
    for (position, (mine, theirs)) in zip(log, other.log).enumerated() where mine != theirs {
      return "entry \(position + 1) is \(mine.batch.requestIDs) of epoch \(mine.epoch), not "
        + "\(theirs.batch.requestIDs) of epoch \(theirs.epoch)"
    }
    return nil
  }
}
