import Replication

extension LatencyDistribution {
  /// What a message usually takes: the median, where the distribution has one by name, or the mean.
  public var typical: Interval {
    switch self {
    case .constant(let interval): interval
    case .uniform(let range): (range.lowerBound + range.upperBound) / 2
    case .normal(let mean, _): mean
    case .lognormal(let median, _): median
    case .exponential(let minimum, let mean): minimum + mean
    }
  }
}

extension NetworkModel {
  /// The usual round trip between two nodes.
  public func roundTrip(between a: Int, and b: Int) -> Interval {
    oneWay(from: a, to: b) + oneWay(from: b, to: a)
  }

  /// The longest usual round trip between two of this many nodes; zero for one.
  public func longestRoundTrip(nodes count: Int) -> Interval {
    var longest = Interval.zero
    for a in 0..<count {
      for b in 0..<a { longest = max(longest, roundTrip(between: a, and: b)) }
    }
    return longest
  }

  /// The longest usual round trip between one of the clients and one of the replicas.
  public func longestRoundTrip(clients: Int, replicas: Int) -> Interval {
    guard let places else { return latency.typical * 2 }
    var longest = Interval.zero
    for client in 0..<min(clients, places.count) {
      for replica in 0..<min(replicas, places.count) {
        longest = max(longest, places[client][replica] + places[replica][client])
      }
    }
    return longest
  }

  private func oneWay(from: Int, to: Int) -> Interval {
    let overridden = links.last { link in
      link.latency != nil
        && (link.from == from && link.to == to
          || link.bothWays && link.from == to && link.to == from)
    }
    if let latency = overridden?.latency { return latency.typical }
    guard let places else { return latency.typical }
    return places[from % places.count][to % places.count]
  }
}
