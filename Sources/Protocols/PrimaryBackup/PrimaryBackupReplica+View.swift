import Replication
import ViewService

// Changes of view and of the joiner, as the authority decides them (PacificA §2.3).
extension PrimaryBackupReplica {
  public static let memberLinks = MemberLinks.withFirst

  public mutating func adopt(
    _ view: View, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard view.number > self.view.number else { return }
    self.view = view
    verified = .zero
    if view.members.first == id { return lead(at: now, into: &effects) }
    effects.cancelTimer(.resend)
    endLeadership(into: &effects)
    takeRole(into: &effects)
  }

  public mutating func changeJoiner(
    to view: View, at now: Instant, into effects: inout Effects<Self>
  ) {
    guard view.number == self.view.number, self.view.precedes(view) else { return }
    self.view.joiner = view.joiner
    self.view.joining = view.joining
    switch role {
    case .primary:
      let gone = followers.filter { !view.members.contains($0.id) }
      remember(gone)
      followers.removeAll { !view.members.contains($0.id) }
      if let joiner = view.joiner { addFollower(joiner, isMember: false, at: now, into: &effects) }
    case .joiner, .idle: takeRole(into: &effects)
    case .backup, .deposed: break
    }
  }

  /// A backup or a joiner sends the primary a summary of its log.
  private mutating func takeRole(into effects: inout Effects<Self>) {
    assert(role != .primary && role != .deposed, "the first member of a new view leads it")
    guard role != .idle, let primary = view.members.first else { return }
    // The primary asks as well, but perhaps did so before this replica knew the view.
    effects.send(
      .summary(view: view.number, round: Message.unasked, runs: log.runs), to: primary)
  }

  public mutating func makeReport() -> Report {
    var report = Report(view: view.number, joining: view.joining)
    guard leadership != nil else { return report }
    report.isEstablished = leading.isEstablished
    for position in followers.indices {
      if followers[position].isUnreachable { report.unreachable.append(followers[position].id) }
      if !followers[position].isMember, let matchIndex = followers[position].matchIndex {
        report.joinerHasCaughtUp = followers[position].rounds.hasCaughtUp(
          through: matchIndex, at: now)
        report.joinerProgress = UInt64(matchIndex.rawValue)
      }
    }
    return report
  }
}
