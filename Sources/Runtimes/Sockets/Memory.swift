import CLinux

/// Tells the kernel how to treat memory of this process.
public enum Memory {
  /// Makes all pages of fresh memory resident in one system call.
  public static let populate: @Sendable (UnsafeMutableRawBufferPointer) -> Void = { bytes in
    linux_populate(bytes.baseAddress, Int64(bytes.count))
  }

  /// Bytes that are allocated at present.
  public static var allocatedByteCount: Int { Int(linux_allocated_bytes()) }

  /// Returns freed memory to the system, for other processes and for large arrays, which are never
  /// placed between freed small blocks.
  public static func giveBack() { linux_trim_memory() }
}
