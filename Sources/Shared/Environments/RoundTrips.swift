import Replication

extension DelayDistribution {
  /// The usual time of a message: the median if it is a parameter of the distribution, otherwise
  /// the mean.
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
  /// The longest usual round trip between two nodes; zero if there is one node.
  public func longestRoundTrip(of membership: Membership) -> Interval {
    let sites = places?.places(of: membership)
    var longest = Interval.zero
    for a in 0..<membership.nodeCount {
      for b in 0..<a {
        longest = max(longest, oneWay(from: a, to: b, sites) + oneWay(from: b, to: a, sites))
      }
    }
    return longest
  }

  /// The longest usual round trip between one of the clients and one of the replicas.
  public func longestRoundTrip(clients count: Int, replicas: Int) -> Interval {
    (0..<min(count, places?.clients.count ?? 1)).flatMap { client in
      roundTrips(client: client, replicas: replicas)
    }.max() ?? .zero
  }

  /// The shortest usual round trip between a client and one of the replicas.
  public func shortestRoundTrip(client: Int, replicas: Int) -> Interval {
    roundTrips(client: client, replicas: replicas).min() ?? .zero
  }

  /// The number of the replica with the shortest usual round trip from a client; the first of
  /// several.
  public func nearestReplica(toClient client: Int, of replicas: Int) -> Int {
    let trips = roundTrips(client: client, replicas: replicas)
    return trips.indices.min { (trips[$0], $0) < (trips[$1], $1) } ?? 0
  }

  /// The usual round trip between a client and each replica. Without places it is the same for all
  /// replicas and is returned once.
  private func roundTrips(client: Int, replicas: Int) -> [Interval] {
    guard let places else { return [(clients.latency ?? latency).typical * 2] }
    let here = places.place(ofClient: UInt64(client))
    return places.replicas.prefix(replicas).map { there in
      places.latency[here][there].typical + places.latency[there][here].typical
    }
  }

  /// - Parameter sites: where each node is.
  private func oneWay(from: Int, to: Int, _ sites: [Int]?) -> Interval {
    let overridden = links.last { link in
      link.latency != nil
        && (link.from == from && link.to == to
          || link.bothWays && link.from == to && link.to == from)
    }
    if let latency = overridden?.latency { return latency.typical }
    guard let places, let sites else { return latency.typical }
    return places.latency[sites[from]][sites[to]].typical
  }
}
