import CLinux
import ClusterMessages
import Environments
import Faults
import Primitives
import ReplicaHosting
import Replication
import Sockets
import Trials
import WireFormat
import WriteAheadLog

/// Orders of a runner: faults of links, clocks and disks, and reports.
extension ClusterNode {
  public mutating func execute(_ order: Order, from slot: Int) throws(WireError) {
    if case .report(let digest) = order {
      report(to: slot, digest: digest)
      return
    }
    if case .trace(let every) = order {
      stamps.every = UInt64(every)
      return
    }
    guard settings.allowsFaults || order == .faults(NodeFaults(nodeCount: peers.count)) else {
      Frame.encode(
        RefusalReason("node \(number) was not started with --allow-faults"), kind: .refusal,
        from: host.id, incarnation: incarnation, into: &inbound[slot].output.writer)
      markDirty(slot)
      return
    }
    inbound[slot].ordersFaults = true
    switch order {
    case .faults(let faults): try apply(faults)
    case .stepClock(let interval): clock.step(by: interval)
    case .disk(.syncError): _ = log.inject(.syncError)
    case .disk(.full): _ = log.inject(.full)
    case .disk(.bitFlip): _ = log.inject(.bitFlip(seed: faultRandom.next()))
    case .report, .trace: break
    }
  }

  public mutating func apply(_ next: NodeFaults) throws(WireError) {
    guard next.links.count == peers.count else {
      throw .malformed("faults of \(next.links.count) links in a cluster of \(peers.count) nodes")
    }
    adopt(next)
  }

  /// Ends all faults, because the runner that would end them is gone.
  public mutating func endFaults() {
    adopt(NodeFaults(nodeCount: peers.count))
    log.inject(nil)
  }

  private mutating func adopt(_ next: NodeFaults) {
    clock.setFaultDrift(next.drift, at: now)
    // The queue of a link belongs to its old fault, so a changed link starts with an empty one.
    for peer in peers.indices where next.links[peer] != faults.links[peer] {
      peers[peer].freeAt = .zero
      peers[peer].lastDeparture = .zero
    }
    if next.clients != faults.clients { interfaceFreeAt = .zero }
    faults = next
    faultsAreActive = next != NodeFaults(nodeCount: peers.count)
    if let held = heldSync {
      // If a stall has ended, the sync ends after the current delay. A delayed sync keeps its end
      // time.
      if faults.syncStalls {
        heldSync = (held.target, .never)
      } else if held.endsAt == .never {
        heldSync = (held.target, now + faults.syncDelay)
      }
    }
  }

  /// Sends a runner the node's status and usage, and on request a digest of its state.
  public mutating func report(to slot: Int, digest: Bool) {
    counters.busyNs = Int(linux_processor_time())
    counters.syncs = log.syncCount
    counters.bytesWritten = log.bytesWritten
    counters.logRecords = log.recordCount
    let status = host.core.status
    toldStatus = status
    let found =
      digest
      ? StateDigest(state: CRC32C.checksum(host.snapshot()), commits: host.commitDigest.value) : nil
    var report = NodeReport(
      status: status, appliedIndex: host.appliedIndex, counters: counters, digest: found,
      violation: host.core.invariantViolation())
    if stamps.isOn { report.stamps = stamps.takeAll() }
    report.itemCount = UInt64(host.application.itemCount)
    report.allocatedByteCount = UInt64(allocatedByteCount)
    Frame.encode(
      report, kind: .report, from: host.id, incarnation: incarnation,
      into: &inbound[slot].output.writer)
    markDirty(slot)
    flushAll()
  }

  /// Reports to all runners if the leadership, tail or coordinator role or the epoch has changed.
  public mutating func tellRunners() {
    let status = host.core.status
    if let told = toldStatus, told.epoch == status.epoch, told.isInCharge == status.isInCharge,
      told.isTail == status.isTail, told.isCoordinator == status.isCoordinator
    {
      return
    }
    // A runner that does not read its reports gets no further ones.
    for slot in runnerSlots where inbound[slot].output.count <= settings.largestOutput {
      report(to: slot, digest: false)
    }
  }
}
