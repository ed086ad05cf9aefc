import Replication
import SteppedCluster
import ViewService

// The words of tests in which replicas ping a real authority.

extension Wording {
  /// Of a protocol with an authority: what replicas and authority say to each other, and the
  /// replicas' own events. What the authority's nodes say among themselves is left out.
  public init<Replica, Consensus>(
    replica inner: Wording<Replica>
  ) where Core == WithAuthority<Replica, Consensus> {
    self.init(
      message: { message in
        switch message.authority {
        case nil: inner.message(message)
        case .consensus, .alive, .snapshot: nil
        case .ping(let ping):
          ping.report.view == 0
            ? "Ping: I work in no view"
            : "Ping: I work in view \(ping.report.view)"
              + (ping.report.isEstablished ? ", which is established" : "")
              + (ping.report.joinerHasCaughtUp ? ", and the joiner has caught up" : "")
        case .pong(let pong):
          "Pong: \(pong.view.words)"
            + (pong.lease > .zero
              ? ", lease of \(pong.lease.nanoseconds / 1_000_000) ms" : ", no lease")
        case .view(let view): "View: \(view.words)"
        case .adopting(let view): "Adopting: the number \(view.number) is on my disk"
        case .redirect(let replica): "Redirect\(replica.map { " to \($0)" } ?? "")"
        }
      },
      record: { record in
        switch record {
        case .replica(let record): inner.record(record)
        case .adopting(let number): "works in view \(number) from now on"
        case .consensus, .incarnation, .snapshot, .authority, .filled: nil
        }
      },
      timer: { timer in
        switch timer {
        case .replica(let timer): inner.timer(timer)
        case .consensus: "a timer of the consensus core"
        case .tick: "a ping interval has passed"
        }
      },
      status: {
        $0.role.hasPrefix("authority") ? "the authority" : inner.status($0)
      })
  }
}

extension View {
  /// `view 2 of A and B, with C as joiner`.
  fileprivate var words: String {
    guard number > 0 else { return "no view yet" }
    return "view \(number) of \(members.letters)"
      + (joiner.map { ", with \($0.letter) as joiner" } ?? "")
  }
}

extension InProcessCluster {
  /// One interval of pings passes on all nodes at once: these timers fire where they are set, and
  /// all messages arrive.
  /// - Parameter silent: nodes whose timers do not fire.
  public mutating func tick<Replica, Consensus>(
    _ timers: [Core.Timer], except silent: [ReplicaID] = []
  ) where Core == WithAuthority<Replica, Consensus> {
    let end = now + options.ping
    for number in nodes.indices where !silent.contains(ReplicaID(number)) {
      for timer in timers {
        guard let range = nodes[number].timers[timer.index] else { continue }
        now = end - range.lowerBound
        fire(timer, at: ReplicaID(number))
      }
    }
    now = end
    run()
  }

  /// The links between two nodes are cut in both directions.
  public mutating func cut(_ one: ReplicaID, _ other: ReplicaID) {
    let before = delivers
    delivers = {
      before($0) && !($0.from == one && $0.to == other) && !($0.from == other && $0.to == one)
    }
  }
}

extension Story {
  /// One interval of pings passes on all nodes at once, and the story tells what comes of it.
  public mutating func tick<Replica, Consensus>(_ timers: [Core.Timer])
  where Core == WithAuthority<Replica, Consensus> {
    let end = cluster.now + cluster.options.ping
    event("clock", "\(cluster.options.ping.nanoseconds / 1_000_000) ms pass")
    for number in cluster.nodes.indices {
      for timer in timers {
        let id = ReplicaID(number)
        guard let range = cluster.nodes[number].timers[timer.index] else { continue }
        cluster.now = end - range.lowerBound
        turn(at: id) { $0.fire(timer, at: id) }
      }
    }
    cluster.now = end
    run()
  }

  public mutating func cut(_ one: ReplicaID, _ other: ReplicaID) {
    event("network", "\(name(one)) and \(name(other)) do not hear each other any more")
    cluster.cut(one, other)
  }

  /// Intervals of pings pass until something has come about.
  public mutating func tick<Replica, Consensus>(
    _ timers: [Core.Timer], until isSo: (InProcessCluster<Core>) -> Bool
  ) where Core == WithAuthority<Replica, Consensus> {
    for _ in 0..<30 where !isSo(cluster) { tick(timers) }
  }

  /// So many intervals of pings pass, of which there is nothing to tell.
  public mutating func tickQuietly<Replica, Consensus>(_ timers: [Core.Timer], count: Int)
  where Core == WithAuthority<Replica, Consensus> {
    event("clock", "\(Int64(count) * cluster.options.ping.nanoseconds / 1_000_000) ms pass")
    quietly { cluster in for _ in 0..<count { cluster.tick(timers) } }
  }
}
