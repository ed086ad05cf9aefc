/// The unit that a disk reads, changes and writes as a whole, even if it offers smaller sectors.
///
/// If the power fails while a disk writes such a block, all sectors in it may be damaged, not only
/// the new ones. So no two syncs of a log write to the same physical block: each block of the log
/// that is synced begins and ends at the boundary of one, and damage cannot reach an earlier block,
/// which was acknowledged. The price is that a small commit takes 4 KiB. The only exception is the
/// repair at a start (`Recovery.repair`), which writes the last block again in its place.
///
/// The size is a constant, because nearly all disks have blocks of 512 or 4096 bytes, and because a
/// log may be moved to another disk. A position in a file is one on the disk only if the file
/// system's blocks are at least as large, and aligned; ext4, XFS and Btrfs choose 4 KiB or more
/// except for very small file systems.
@usableFromInline
enum PhysicalBlock {
  @usableFromInline static let byteCount = 4096

  static func roundedUp(_ count: Int) -> Int { (count + byteCount - 1) / byteCount * byteCount }
}
