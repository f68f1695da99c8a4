#!/bin/sh
# Makes the test video of this example anew: twelve seconds of a test picture as HLS (Debian's package ffmpeg).
set -eu
cd "$(dirname "$0")"
ffmpeg -loglevel error -y -f lavfi -i testsrc2=size=160x90:rate=10:duration=12 -an \
  -c:v libx264 -preset veryslow -crf 34 -g 40 -pix_fmt yuv420p \
  -f hls -hls_time 4 -hls_list_size 0 -hls_playlist_type vod -hls_segment_filename 'part%d.ts' live.m3u8
