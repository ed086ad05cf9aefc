/// The latencies of a trial's operations in a form that is small enough to be stored: those that were
/// answered, and how long the others waited.
public struct StoredLatency: Sendable, Equatable, Codable {
  public var answered: SparseHistogram
  public var censored: SparseHistogram

  public init(answered: Histogram = Histogram(), censored: Histogram = Histogram()) {
    self.answered = SparseHistogram(answered)
    self.censored = SparseHistogram(censored)
  }
}

/// The latencies of several trials' operations, put together by adding counts.
public struct PooledLatency: Sendable {
  private var answered = Histogram()
  private var waited = Histogram()

  public init() {}

  public mutating func add(_ trial: StoredLatency) {
    answered.merge(trial.answered)
    waited.merge(trial.censored)
  }

  public mutating func add(_ other: PooledLatency) {
    answered.merge(other.answered)
    waited.merge(other.waited)
  }

  /// Operations, with those that have no answer.
  public var count: Int { answered.count + waited.count }
  public var censored: Int { waited.count }

  public var mean: Double? {
    guard count > 0 else { return nil }
    let sums = [answered, waited].map { ($0.mean ?? 0) * Double($0.count) }
    return (sums[0] + sums[1]) / Double(count)
  }

  /// Operations without an answer stand behind all others, so that a percentile whose rank falls among
  /// them is a lower bound.
  public func percentile(_ p: Double) -> (nanoseconds: Int64, isLowerBound: Bool)? {
    guard count > 0 else { return nil }
    guard p > 0 || answered.count == 0 else { return answered.minimum.map { ($0, false) } }
    let rank = Histogram.rank(p, of: count)
    guard rank > answered.count else {
      return answered.percentile(100 * Double(rank) / Double(answered.count)).map { ($0, false) }
    }
    let share = Double(rank - answered.count) / Double(waited.count)
    return waited.percentile(100 * share).map { (max($0, answered.maximum ?? 0), true) }
  }
}
