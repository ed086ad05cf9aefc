import CLinux

/// What the kernel does with memory of this process.
public enum Memory {
  /// Makes all pages of fresh memory resident in one system call.
  public static let populate: @Sendable (UnsafeMutableRawBufferPointer) -> Void = { bytes in
    linux_populate(bytes.baseAddress, Int64(bytes.count))
  }

  /// Bytes that are allocated at present.
  public static var allocatedByteCount: Int { Int(linux_allocated_bytes()) }

  /// Gives freed memory back, for others and for large arrays, which never lie between freed small
  /// blocks.
  public static func giveBack() { linux_trim_memory() }
}
