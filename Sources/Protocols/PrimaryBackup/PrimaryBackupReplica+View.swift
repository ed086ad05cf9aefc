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
    removeFollowers { _ in true }
    isEstablished = false
    if view.members.first == id {
      // A primary that stays primary goes on answering what it proposed in the view before.
      if role != .primary { firstOwn = log.lastIndex.next }
      role = .primary
      lead(at: now, into: &effects)
      return
    }
    effects.cancelTimer(.resend)
    refuseWaitingReads(into: &effects)
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
      removeFollowers { !view.members.contains($0.id) }
      if let joiner = view.joiner { addFollower(joiner, isMember: false, at: now, into: &effects) }
    case .joiner, .idle: takeRole(into: &effects)
    case .backup, .deposed: break
    }
  }

  /// Becomes what the view says, other than its primary.
  private mutating func takeRole(into effects: inout Effects<Self>) {
    role = view.members.contains(id) ? .backup : view.joiner == id ? .joiner : .idle
    if role != .idle, let primary = view.members.first {
      // The primary asks, too, but perhaps did so before this replica knew the view.
      effects.send(
        .summary(view: view.number, round: Message.unasked, runs: log.runs), to: primary)
    }
  }

  public var report: Report {
    var report = Report(view: view.number, isEstablished: isEstablished, joining: view.joining)
    guard role == .primary else { return report }
    for position in followers.indices {
      if followers[position].isUnreachable { report.unreachable.append(followers[position].id) }
      if !followers[position].isMember {
        report.joinerHasCaughtUp = followers[position].hasCaughtUp
        report.joinerProgress = UInt64((followers[position].matchIndex ?? .zero).rawValue)
      }
    }
    return report
  }
}
