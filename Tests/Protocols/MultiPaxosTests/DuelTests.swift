import Primitives
import ProtocolTesting
import Replication
import SteppedCluster
import Testing

@testable import MultiPaxos

/// Real timers in virtual time: every message takes the same time, every timer what is drawn for
/// it.
struct TimedWorld {
  var cluster: Cluster
  let latency: Interval
  var random: RandomStream
  private var arrivals: [(at: Instant, envelope: Cluster.Envelope)] = []
  private var deadlines: [[(range: ClosedRange<Interval>, at: Instant)?]]
  private var now = Instant.zero

  init(seed: UInt64, replicas: Int, latency: Interval) {
    cluster = Cluster(replicas)
    self.latency = latency
    random = RandomStream(seed: seed)
    deadlines = Array(
      repeating: Array(repeating: nil, count: MultiPaxosReplica.Timer.count), count: replicas)
  }

  /// Draws deadlines for the timers that were set and times for the messages that were sent.
  private mutating func schedule() {
    for envelope in cluster.inFlight {
      let delay = envelope.from == envelope.to ? Interval.zero : latency
      arrivals.append((now + delay, envelope))
    }
    cluster.inFlight.removeAll()
    for node in cluster.nodes.indices {
      for timer in cluster.nodes[node].timers.indices {
        let range = cluster.nodes[node].timers[timer]
        if range == nil { deadlines[node][timer] = nil }
        if let range, deadlines[node][timer]?.range != range {
          deadlines[node][timer] = (range, now + random.interval(in: range))
        }
      }
    }
  }

  /// Runs until a value is chosen in the ballot of a leader, at most for `limit`; returns the time.
  mutating func timeUntilChoice(limit: Interval) -> Interval? {
    var asked: Ballot?
    schedule()
    while now < .zero + limit {
      let message = arrivals.indices.min { arrivals[$0].at < arrivals[$1].at }
      var next: (node: Int, timer: Int, at: Instant)?
      for node in deadlines.indices {
        for timer in deadlines[node].indices {
          if let deadline = deadlines[node][timer], next == nil || deadline.at < next!.at {
            next = (node, timer, deadline.at)
          }
        }
      }
      if let message, next == nil || arrivals[message].at <= next!.at {
        let (at, envelope) = arrivals.remove(at: message)
        now = at
        cluster.now = now
        cluster.handle(.received(envelope.message, from: envelope.from), at: envelope.to)
      } else if let next {
        now = next.at
        cluster.now = now
        deadlines[next.node][next.timer] = nil
        cluster.nodes[next.node].timers[next.timer] = nil
        cluster.handle(
          .timerFired(MultiPaxosReplica.Timer(index: next.timer)), at: ReplicaID(next.node))
      }
      for (number, node) in cluster.nodes.enumerated()
      where node.core.role == .leader && asked != node.core.ballot {
        asked = node.core.ballot
        cluster.propose(1, at: ReplicaID(number))
      }
      if cluster.nodes.contains(where: { $0.commits.contains { $0.answering } }) {
        return now - .zero
      }
      schedule()
    }
    return nil
  }
}

@Suite("Multi-Paxos: duelling proposers (Lamport 2001 §2.4)")
struct DuelTests {
  /// At 120 ms the first heartbeat of a new leader comes 240 ms after the promises, when most
  /// followers would have lost patience already: only wider ranges end the duel.
  @Test("Proposers that interrupt each other still choose a value", arguments: [10, 60, 120])
  func duel(latencyMilliseconds: Int64) {
    for seed in 1...UInt64(8) {
      var world = TimedWorld(seed: seed, replicas: 5, latency: .milliseconds(latencyMilliseconds))
      let time = world.timeUntilChoice(limit: .seconds(30))
      #expect(time != nil, "seed \(seed), \(latencyMilliseconds) ms: no progress in 30 s")
    }
  }
}
