// Raft and Multi-Paxos elect a new leader; their safety does not rest on time, so a follower may
// act on a closed connection. What both need for elections is here, so that they do it alike.

/// How many rounds in which a leader asks whether it still leads may wait for one replica's answer
/// before it is sent no further message for a round alone. A replica that is cut off would
/// otherwise be sent one for each read, and all of them would reach it together when it comes back.
public let mostUnansweredRounds: UInt64 = 4

extension ProtocolDescription {
  /// The assumption of a protocol in which time decides only who leads.
  public static var noClocks: String {
    "Safe whatever clocks and delays do: timers decide only when another replica wants to lead"
  }
}

extension OptionDeclaration.Bound {
  /// Of the time between two heartbeats. Where nothing is said, a follower hears three of them
  /// within the shortest election timeout.
  public static var heartbeat: OptionDeclaration.Bound {
    OptionDeclaration.Bound(of: "electionTimeout", dividedBy: 1, byDefault: 3)
  }
}

extension OptionDeclaration {
  public static var electOnDisconnect: OptionDeclaration {
    OptionDeclaration(
      "electOnDisconnect", .flag(default: false),
      "A follower whose leader's process has ended, as the closed connection says, does not wait "
        + "for the election timeout")
  }
}

extension ReplicaID {
  /// How long this replica waits before it takes the place of one whose process has ended: one
  /// after the other, in the order of the membership, so that two do not split the votes. The first
  /// waits too, a little, until the others have noticed.
  public func turn(after gone: ReplicaID, of membership: Membership, heartbeat: Interval)
    -> Interval
  {
    let others = membership.replicas.filter { $0 != gone }
    return heartbeat / 10 + heartbeat * (others.firstIndex(of: self) ?? 0)
  }
}

/// The largest step from one term, ballot or view to a later one that a replica believes. Elections
/// take milliseconds, so a real cluster never gets so far ahead of a replica, while a message that
/// claims a larger step would use the numbers up.
public let longestEpochJump: UInt64 = 1 << 32
