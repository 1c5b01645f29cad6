"""The methods that the paper compares with: OA-MIL, Mao, and ALC after Bernhardt."""
