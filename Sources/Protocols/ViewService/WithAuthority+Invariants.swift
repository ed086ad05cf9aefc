import Replication

extension WithAuthority {
  /// The core's own durable state, the incarnation, and the number of the last view that is durable
  /// or on its way to the disk.
  public var durableState: DurableState {
    var state = replica?.durableState ?? consensus?.durableState ?? DurableState()
    state.numbers["incarnation"] = viewLease.incarnation
    state.numbers["view"] = viewLease.lastRecorded.number
    return state
  }

  public func invariantViolation() -> String? {
    if let replica { return replica.invariantViolation() }
    let machine = authority.machine
    if machine.view.number > 0, machine.eligible.isEmpty {
      return "view \(machine.view.number) has no member that holds the data"
    }
    return consensus?.invariantViolation()
  }
}
